internal import WeirCore
internal import WeirJSON

/// `query-costs` of one workspace, as one request where the members differ in the values of one field that they are grouped by, or in the days of
/// a daily answer. The rows are the members' own. `total_cost` is a sum that the service makes: a part's is the exact sum of its rows, and only
/// where the rows of the whole answer are known not to be rounded, since their exact sum is the answer's own total to the last digit.
struct VantageCostMerge: MergeRule {
  enum Axis: Sendable, Equatable {
    /// The values of the condition at this index.
    case values(Int)
    case days
  }

  struct Merged: Sendable {
    let query: VantageCostQuery
    let axis: Axis
    let start: CivilDate
    let end: CivilDate
    let values: [Name]
  }

  /// Rows of a page.
  static let pageSize = 1000
  /// The fields whose values stand in a row as they stand in a filter.
  static let columns: [Name: String] = ["costs.service": "service", "costs.region": "region", "costs.account_id": "account_id"]

  /// Nil for a filter that does not name its one provider, as the tool demands.
  static func call(_ query: VantageCostQuery) -> MergeableCall? {
    let providers = query.filter.conditions.filter { $0.field == "costs.provider" }
    guard providers.count == 1, providers[0].values.count == 1 else { return nil }
    var writer = JSONWriter()
    writer.beginArray()
    for text in ["query-costs", query.workspace.string, query.bin.string] + query.groupings.map(\.string) { writer.value(text) }
    writer.raw(query.settings)
    writer.endArray()
    return MergeableCall(group: writer.bytes, rule: VantageCostMerge(), query: query)
  }

  func canMerge(_ one: VantageCostQuery, _ other: VantageCostQuery) -> Bool { merge([one, other], within: MergeLimits()) != nil }

  func merge(_ queries: [VantageCostQuery], within limits: MergeLimits) -> Merged? {
    guard let first = queries.first else { return nil }
    let others = queries.dropFirst()
    let isCommon = { (query: VantageCostQuery) in
      query.workspace == first.workspace && query.bin == first.bin && query.groupings == first.groupings && query.settings == first.settings
    }
    guard others.allSatisfy(isCommon) else { return nil }
    if others.allSatisfy({ $0.filter == first.filter }) { return first.bin == "day" ? Self.mergeDays(queries, limits) : nil }
    guard others.allSatisfy({ $0.start == first.start && $0.end == first.end }) else { return nil }
    return Self.mergeValues(queries, limits)
  }

  func arguments(of merged: Merged) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    let index = if case .values(let index) = merged.axis { index } else { -1 }
    writer.member("filter", merged.query.filter.text(with: merged.values, at: index))
    writer.member("start_date", merged.start.text)
    writer.member("end_date", merged.end.text)
    writer.member("workspace_token", merged.query.workspace.string)
    writer.member("date_bin", merged.query.bin.string)
    writer.key("groupings")
    writer.beginArray()
    for grouping in merged.query.groupings { writer.value(grouping.string) }
    writer.endArray()
    let settings = (try? JSONDocument(parsing: merged.query.settings))?.root
    for (name, value) in settings?.members.map({ $0 }) ?? [] { writer.memberRaw(name.string ?? "", value.raw) }
    writer.endObject()
    return writer.bytes
  }

  func split(_ result: JSONValue, of merged: Merged, for member: VantageCostQuery) -> [UInt8]? {
    guard let body = AnswerBody(result) else { return nil }
    let parts = body.values.compactMap { VantageCostPart($0, of: merged, for: member) }
    guard parts.count == body.values.count, Set(parts.map(\.kept)).count == 1, Set(parts.map(\.total)).count == 1 else { return nil }
    return body.changed { value in VantageCostPart(value, of: merged, for: member)?.changes }
  }

  // MARK: Queries

  private static func mergeDays(_ queries: [VantageCostQuery], _ limits: MergeLimits) -> Merged? {
    let sorted = queries.sorted { $0.start < $1.start }
    var end = sorted[0].end
    for query in sorted {
      guard query.start <= end + 1 else { return nil }
      end = max(end, query.end)
    }
    guard end.days - sorted[0].start.days < min(limits.rows, pageSize) else { return nil }
    return Merged(query: sorted[0], axis: .days, start: sorted[0].start, end: end, values: [])
  }

  private static func mergeValues(_ queries: [VantageCostQuery], _ limits: MergeLimits) -> Merged? {
    let first = queries[0]
    let fields = first.filter.conditions.map(\.field)
    guard queries.allSatisfy({ $0.filter.conditions.map(\.field) == fields }) else { return nil }
    let differing = fields.indices.filter { index in queries.contains { $0.filter.conditions[index] != first.filter.conditions[index] } }
    guard differing.count == 1, let index = differing.first, fields.count(where: { $0 == fields[index] }) == 1 else { return nil }
    guard let column = columns[fields[index]], first.groupings.contains(Name(column)) else { return nil }
    let values = Set(queries.flatMap { $0.filter.conditions[index].values }).sorted()
    guard values.count <= limits.values, Set(values.map(\.withoutCase)).count == values.count else { return nil }
    let bins = first.bin == "day" ? first.end.days - first.start.days + 1 : 1
    guard values.count * bins < min(limits.rows, pageSize) else { return nil }
    return Merged(query: first, axis: .values(index), start: first.start, end: first.end, values: values)
  }
}
