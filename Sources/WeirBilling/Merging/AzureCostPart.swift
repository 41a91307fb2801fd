internal import WeirCore
internal import WeirJSON

/// One member's part of a merged answer of `query_costs`, in one body: rows by position under `columns`, as the Query API sends them.
struct AzureCostPart {
  private let columns: JSONValue
  private let rows: JSONValue
  /// Columns that the member's own answer does not have.
  private let dropped: Set<Int>
  /// The member's rows.
  private(set) var kept: Set<Int> = []
  private var cells: Set<[[UInt8]]> = []
  /// What the dropped columns of the member's rows hold.
  private var spellings: Set<[[UInt8]]> = []

  /// Nil where the answer is paged, may be cut off, or is not of the expected shape.
  init?(_ body: JSONValue, of merged: AzureCostMerge.Merged, for member: AzureCostQuery) {
    let envelope = ["id", "name", "type", "location", "sku", "eTag", "properties"]
    let holder = body["properties"] ?? body
    guard body["properties"] == nil || AzureCostQuery.has(body, only: envelope) else { return nil }
    guard AzureCostQuery.has(holder, only: ["nextLink", "columns", "rows"]), holder["nextLink"].map({ $0.isNull || $0.isString("") }) ?? true else {
      return nil
    }
    guard let columns = holder["columns"], let rows = holder["rows"], columns.kind == .array, rows.kind == .array else { return nil }
    let names = columns.elements.compactMap { $0["name"]?.string.map { Name($0) } }
    guard names.count == columns.count, Set(names).count == names.count, rows.count < AzureCostMerge.maxRows else { return nil }
    guard let key = Self.key(of: merged, for: member, names) else { return nil }
    self.columns = columns
    self.rows = rows
    dropped = key.dropped
    let measures = Set(merged.aggregations.compactMap { names.firstIndex(of: $0.column) })
    guard measures.count == merged.aggregations.count else { return nil }
    for (index, row) in rows.elements.enumerated() {
      guard row.kind == .array, row.count == names.count, let isOwn = key.isOwn(row) else { return nil }
      guard isOwn else { continue }
      kept.insert(index)
      let others = row.elements.enumerated().filter { !dropped.contains($0.offset) && !measures.contains($0.offset) }
      cells.insert(others.map { $0.element.raw })
      if case .values = merged.axis { spellings.insert(row.elements.enumerated().filter { dropped.contains($0.offset) }.map { $0.element.raw }) }
    }
  }

  /// A member without a row may have one of zero by itself; two rows of one cell would be a single one; and where one value is spelled in two
  /// ways (`web`, `Web`), its rows would stand in another order.
  var isWhole: Bool { !kept.isEmpty && cells.count == kept.count && spellings.count <= 1 }

  var changes: [AnswerBody.Change] {
    var row = -1
    let newRows = rows.keeping { value in
      row += 1
      return kept.contains(row) ? without(dropped, value) : nil
    }
    return [AnswerBody.Change(range: columns.range, bytes: without(dropped, columns)), AnswerBody.Change(range: rows.range, bytes: newRows)]
  }

  private func without(_ dropped: Set<Int>, _ list: JSONValue) -> [UInt8] {
    guard !dropped.isEmpty else { return list.raw }
    var index = -1
    return list.keeping { value in
      index += 1
      return dropped.contains(index) ? nil : value.raw
    }
  }

  /// How a row tells whether it is the member's: nil where it does not.
  private static func key(
    of merged: AzureCostMerge.Merged, for member: AzureCostQuery, _ names: [Name]
  ) -> (dropped: Set<Int>, isOwn: (JSONValue) -> Bool?)? {
    switch merged.axis {
    case .values(let index):
      guard let column = names.firstIndex(of: merged.leaves[index].dimension) else { return nil }
      let known = Set(merged.leaves[index].values.map(\.withoutCase))
      let wanted = Set(member.leaves[index].values.map(\.withoutCase))
      let isGrouped = member.grouping.contains { $0.name == merged.leaves[index].dimension }
      return (
        isGrouped ? [] : [column],
        { row in
          guard let value = row[column]?.string.map({ Name($0).withoutCase }), known.contains(value) else { return nil }
          return wanted.contains(value)
        }
      )
    case .aggregations:
      let others = merged.aggregations.filter { !member.aggregations.contains($0) }
      let columns = others.compactMap { names.firstIndex(of: $0.column) }
      return columns.count == others.count ? (Set(columns), { _ in true }) : nil
    case .days:
      guard let column = names.firstIndex(of: "UsageDate") else { return nil }
      return (
        [],
        { row in
          guard let number = row[column]?.int, let day = day(number), merged.from <= day, day <= merged.to else { return nil }
          return member.from <= day && day <= member.to
        }
      )
    }
  }

  /// 20261001 is 2026-10-01.
  private static func day(_ number: Int) -> CivilDate? {
    let digits = Array(String(number).utf8)
    guard digits.count == 8 else { return nil }
    let dash = UInt8(ascii: "-")
    return CivilDate(digits[0..<4] + [dash] + digits[4..<6] + [dash] + digits[6...])
  }
}
