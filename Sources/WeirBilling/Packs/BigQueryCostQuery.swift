internal import WeirCore
internal import WeirJSON

/// The one form of query on a billing export that Weir takes apart:
///
///     SELECT service.description AS service, SUM(CAST(cost AS NUMERIC)) AS cost
///     FROM `project.dataset.gcp_billing_export_v1_…`
///     WHERE usage_start_time >= TIMESTAMP('2026-10-01') AND usage_start_time < TIMESTAMP('2026-11-01') AND service.description IN ('A', 'B')
///     GROUP BY service ORDER BY service
///
/// Sums of NUMERIC are exact in any order, and the order of the rows is told by all columns that make a group.
struct BigQueryCostQuery: Sendable {
  struct Condition: Sendable, Equatable {
    let field: Name
    /// Each once, sorted.
    let values: [Name]
  }

  /// From SELECT to WHERE, as it is sent.
  let head: String
  /// From GROUP BY to the end.
  let tail: String
  let start: CivilDate
  /// The first day that is not asked for.
  let end: CivilDate
  let conditions: [Condition]
  /// The column that shows a field.
  let columns: [Name: Int]

  func text(conditions: [Condition]) -> String {
    let days = "usage_start_time >= TIMESTAMP('\(start.text)') AND usage_start_time < TIMESTAMP('\(end.text)')"
    let others = conditions.map { condition in
      "\(condition.field) IN (\(condition.values.map { "'\($0)'" }.joined(separator: ", ")))"
    }
    return ([head, days] + others.map { "AND \($0)" } + [tail]).joined(separator: " ")
  }

  init?(_ text: BigQueryText) {
    var reader = BigQueryReader(tokens: text.tokens)
    guard reader.word("SELECT"), let items = reader.items(), reader.word("FROM"), let table = reader.name(), reader.word("WHERE") else { return nil }
    guard let (start, end, conditions) = reader.conditions(), start < end else { return nil }
    let tailStart = reader.position
    guard reader.word("GROUP"), reader.word("BY"), let groups = reader.names(withDirection: false) else { return nil }
    guard reader.word("ORDER"), reader.word("BY"), let order = reader.names(withDirection: true), reader.isAtEnd else { return nil }
    let dimensions = items.enumerated().filter { $0.element.path != nil }
    guard dimensions.count < items.count, !dimensions.isEmpty else { return nil }
    func index(of name: Name) -> Int? { dimensions.first { $0.element.path == name || $0.element.alias == name }?.offset }
    let all = Set(dimensions.map(\.offset))
    guard groups.count == all.count, Set(groups.compactMap(index)) == all, order.count == all.count, Set(order.compactMap(index)) == all else {
      return nil
    }
    // A name that means two things would be looked up in the wrong column.
    let names = items.compactMap(\.alias) + items.compactMap(\.path)
    guard Set(items.compactMap(\.alias)).count == items.compactMap(\.alias).count, Set(names).count >= items.count else { return nil }
    guard dimensions.allSatisfy({ item in items.allSatisfy { $0.alias != item.element.path || $0.path == item.element.path } }) else { return nil }
    var columns: [Name: Int] = [:]
    for (offset, item) in dimensions { if let path = item.path, columns.updateValue(offset, forKey: path) != nil { return nil } }
    head = "SELECT \(items.map(\.written).joined(separator: ", ")) FROM \(table) WHERE"
    tail = text.tokens[tailStart...].map(\.written).joined(separator: " ")
    self.start = start
    self.end = end
    self.conditions = conditions
    self.columns = columns
  }
}
