internal import WeirCore
internal import WeirJSON

/// One member's part of a merged answer of `query-costs`, in one body.
struct VantageCostPart {
  private let costs: JSONValue
  private let totalAmount: JSONValue
  /// The member's rows.
  private(set) var kept: Set<Int> = []
  /// The text of the member's total.
  private(set) var total = ""

  /// Amounts with so many digits behind the point were not rounded to a currency's.
  private static let exactDigits = 5

  /// Nil where the answer is paged, rounded, or not of the expected shape.
  init?(_ body: JSONValue, of merged: VantageCostMerge.Merged, for member: VantageCostQuery) {
    guard AzureCostQuery.has(body, only: ["costs", "total_cost", "notes", "pagination"]) else { return nil }
    guard let costs = body["costs"], costs.kind == .array, costs.count < VantageCostMerge.pageSize, let total = body["total_cost"] else { return nil }
    guard body["pagination"]?["hasNextPage"]?.bool == false, let amount = total["amount"], let totalText = amount.stringBytes else { return nil }
    guard AzureCostQuery.has(total, only: ["amount", "currency"]), let currency = total["currency"]?.string else { return nil }
    self.costs = costs
    totalAmount = amount
    guard let own = sums(of: merged, for: member, currency: currency, total: totalText) else { return nil }
    // A whole number may be written with a point or without.
    let texts = [true, false].filter { own.all.text(pointAlways: $0).utf8.elementsEqual(totalText) }.map { own.member.text(pointAlways: $0) }
    guard let first = texts.first, texts.allSatisfy({ $0.utf8.elementsEqual(first.utf8) }), !kept.isEmpty else { return nil }
    self.total = first
  }

  var changes: [AnswerBody.Change] {
    var index = -1
    let rows = costs.keeping { row in
      index += 1
      return kept.contains(index) ? row.raw : nil
    }
    return [
      AnswerBody.Change(range: costs.range, bytes: rows), AnswerBody.Change(range: totalAmount.range, bytes: JSONWriter.quoted(total)),
    ]
  }

  private mutating func sums(
    of merged: VantageCostMerge.Merged, for member: VantageCostQuery, currency: String, total: [UInt8]
  ) -> (all: ExactSum, member: ExactSum)? {
    var all = ExactSum()
    var own = ExactSum()
    for (index, row) in costs.elements.enumerated() {
      guard let amount = row["amount"]?.stringBytes, row["currency"]?.isString(currency) == true, all.add(amount) else { return nil }
      guard let isOwn = Self.isOwn(row, of: merged, for: member) else { return nil }
      guard isOwn else { continue }
      kept.insert(index)
      guard own.add(amount) else { return nil }
    }
    return all.digits >= Self.exactDigits && all.equals(total) ? (all, own) : nil
  }

  /// Nil where the row tells nothing, or something that was not asked for.
  private static func isOwn(_ row: JSONValue, of merged: VantageCostMerge.Merged, for member: VantageCostQuery) -> Bool? {
    guard let day = row["accrued_at"]?.stringBytes.flatMap(CivilDate.init) else { return nil }
    switch merged.axis {
    case .days:
      guard merged.start <= day, day <= merged.end else { return nil }
      return member.start <= day && day <= member.end
    case .values(let index):
      let condition = member.filter.conditions[index]
      guard let column = VantageCostMerge.columns[condition.field], let value = row[column]?.string.map({ Name($0).withoutCase }) else { return nil }
      guard merged.values.contains(where: { $0.withoutCase == value }) else { return nil }
      return condition.values.contains { $0.withoutCase == value }
    }
  }
}
