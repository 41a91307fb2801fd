internal import WeirCore
internal import WeirJSON

/// Rows of an answer added up. The provider has rounded each amount already, so that a sum may differ from what it would say itself in the last
/// digits, by half a unit for each row at most.
enum CostSum {
  /// The metrics of all the rows together, as a JSON object in the order of the first. Nil where an amount is no plain decimal number, where units
  /// differ, where a row stands twice, or without rows.
  static func object(of rows: [CostAnswer.Group], _ metrics: [CostMetric]) -> [UInt8]? {
    guard let pattern = rows.first?.metrics.filter({ metrics.contains($0.metric) }), Set(rows.map(\.keys)).count == rows.count else { return nil }
    // What is one row's alone stays the provider's text.
    if rows.count == 1 { return pattern.object(of: metrics) }
    var writer = JSONWriter()
    writer.beginObject()
    for first in pattern {
      guard let amount = amount(of: first, in: rows) else { return nil }
      writer.key(first.metric.rawValue)
      writer.beginObject()
      writer.member("Amount", amount)
      writer.member("Unit", first.unit.string)
      writer.endObject()
    }
    writer.endObject()
    return writer.bytes
  }

  /// One row for each name that stands at `position` in the keys of the rows, in the order of the names. Nil where the rows are in another order
  /// than that of their names, since then nobody knows the order of some of them.
  static func groups(of rows: [CostAnswer.Group], by position: Int, _ metrics: [CostMetric]) -> [[UInt8]]? {
    guard zip(rows, rows.dropFirst()).allSatisfy({ $0.keys.lexicographicallyPrecedes($1.keys) }) else { return nil }
    var groups: [[UInt8]] = []
    for (_, rows) in Dictionary(grouping: rows, by: { $0.keys[position] }).sorted(by: { $0.key < $1.key }) {
      guard let metrics = object(of: rows, metrics) else { return nil }
      groups.append(CostAnswer.Group.text(keys: [rows[0].keyTexts[position]], metrics: metrics))
    }
    return groups
  }

  private static func amount(of first: CostAnswer.Metric, in rows: [CostAnswer.Group]) -> String? {
    var sum = ExactSum()
    for row in rows {
      guard let metric = row.metrics.first(where: { $0.metric == first.metric }), metric.unit == first.unit,
        let text = metric.value["Amount"]?.stringBytes, sum.add(Array(text))
      else { return nil }
    }
    return sum.text(pointAlways: false)
  }
}
