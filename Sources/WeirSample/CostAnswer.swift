internal import WeirCore
internal import WeirJSON

/// Evaluates a `CostQuery` over the ledger and writes the answer in Cost Explorer's shape.
struct CostAnswer {
  let ledger: Ledger
  let today: Int

  /// The `data` object: `GroupDefinitions`, `ResultsByTime`, `DimensionValueAttributes`.
  func data(for query: CostQuery) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    if !query.groups.isEmpty {
      writer.key("GroupDefinitions")
      writer.beginArray()
      for group in query.groups {
        writer.beginObject()
        writer.member("Type", group.type)
        writer.member("Key", group.name)
        writer.endObject()
      }
      writer.endArray()
    }
    writer.key("ResultsByTime")
    writer.beginArray()
    var day = query.start
    while day < query.end {
      let next = query.monthly ? min(query.end, CivilDate(days: day).firstOfNextMonth.days) : day + 1
      write(days: day..<next, query, to: &writer)
      day = next
    }
    writer.endArray()
    writer.key("DimensionValueAttributes")
    writer.beginArray()
    writer.endArray()
    writer.endObject()
    return writer.bytes
  }

  private func write(days: Range<Int>, _ query: CostQuery, to writer: inout JSONWriter) {
    let rows = days.filter { $0 <= today }.flatMap { ledger.rows(on: $0) }.filter { query.filter.matches($0) }
    writer.beginObject()
    writer.key("TimePeriod")
    writer.beginObject()
    writer.member("Start", CivilDate(days: days.lowerBound).text)
    writer.member("End", CivilDate(days: days.upperBound).text)
    writer.endObject()
    writer.key("Total")
    if query.groups.isEmpty {
      writeMetrics(rows, query.metrics, to: &writer)
    } else {
      writer.beginObject()
      writer.endObject()
    }
    writer.key("Groups")
    writer.beginArray()
    if !query.groups.isEmpty {
      var groups: [[String]: [Ledger.Row]] = [:]
      for row in rows { groups[query.groups.map { $0.key.groupKey(of: row) }, default: []].append(row) }
      for keys in groups.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        writer.beginObject()
        writer.key("Keys")
        writer.beginArray()
        for key in keys { writer.value(key) }
        writer.endArray()
        writer.key("Metrics")
        writeMetrics(groups[keys] ?? [], query.metrics, to: &writer)
        writer.endObject()
      }
    }
    writer.endArray()
    writer.member("Estimated", days.upperBound > today - 2)
    writer.endObject()
  }

  private func writeMetrics(_ rows: [Ledger.Row], _ metrics: [String], to writer: inout JSONWriter) {
    writer.beginObject()
    for metric in metrics {
      let isUsage = metric == "UsageQuantity"
      let sum = rows.reduce(Int64(0)) { $0 + (isUsage ? $1.usage : $1.cost) }
      writer.key(metric)
      writer.beginObject()
      writer.member("Amount", Self.decimal(sum))
      writer.member("Unit", isUsage ? "N/A" : "USD")
      writer.endObject()
    }
    writer.endObject()
  }

  private static func decimal(_ millionths: Int64) -> String {
    let (whole, rest) = millionths.quotientAndRemainder(dividingBy: 1_000_000)
    let digits = String(rest)
    return "\(whole).\(String(repeating: "0", count: 6 - digits.count))\(digits)"
  }
}
