import WeirCore
import WeirJSON

/// The tool `query_costs` and the Query API behind it, over a small ledger: 100 rows at most, a row for each currency, groups in order.
struct AzureCostServer {
  struct Line {
    let day: CivilDate
    let dimensions: [String: String]
    let currency: String
    /// In millionths, so that sums are exact.
    let cost: Int
  }

  let lines: [Line]
  var structured = true

  func answer(_ arguments: JSONValue) throws -> JSONValue {
    let dataset = arguments["dataset"]
    let granularity = dataset?["granularity"]?.string ?? "None"
    let from = try day(arguments["timePeriod"]?["from"])
    let to = try day(arguments["timePeriod"]?["to"])
    let groups = dataset?["grouping"]?.elements.compactMap { $0["name"]?.string } ?? []
    let measures = dataset?["aggregation"]?.members.compactMap { $0.value["name"]?.string } ?? []
    var cells: [[String]: Int] = [:]
    for line in lines where line.day >= from && line.day <= to && Self.matches(line, dataset?["filter"]) {
      var key: [String] = []
      if granularity == "Daily" { key.append(line.day.text.replacing("-", with: "")) }
      if granularity == "Monthly" { key.append(line.day.firstOfMonth.text + "T00:00:00") }
      cells[key + groups.map { line.dimensions[$0] ?? "" } + [line.currency], default: 0] += line.cost
    }
    var columns = measures.map { ($0, "Number") }
    if granularity == "Daily" { columns.append(("UsageDate", "Number")) }
    if granularity == "Monthly" { columns.append(("BillingMonth", "Datetime")) }
    columns += groups.map { ($0, "String") } + [("Currency", "String")]
    let rows = cells.sorted { $0.key.lexicographicallyPrecedes($1.key) }.prefix(100).map { key, cost in
      JSONTree.array(
        measures.map { .number(Self.decimal($0 == "CostUSD" ? cost * 2 : cost)) }
          + key.enumerated().map { granularity == "Daily" && $0.offset == 0 ? .number($0.element) : .string($0.element) })
    }
    let body = JSONTree.object([
      (
        "properties",
        .object([
          ("nextLink", .null), ("columns", .array(columns.map { .object([("name", .string($0.0)), ("type", .string($0.1))]) })),
          ("rows", .array(rows)),
        ])
      )
    ])
    return try toolResult(body, structured: structured ? body : nil)
  }

  private func day(_ value: JSONValue?) throws -> CivilDate {
    try requireValue(CivilDate((value?.string ?? "").utf8.prefix(10)))
  }

  private static func decimal(_ millionths: Int) -> String {
    var digits = String(millionths % 1_000_000 + 1_000_000).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return digits.isEmpty ? "\(millionths / 1_000_000).0" : "\(millionths / 1_000_000).\(digits)"
  }

  private static func matches(_ line: Line, _ filter: JSONValue?) -> Bool {
    guard let filter else { return true }
    if let all = filter["and"] { return all.elements.allSatisfy { matches(line, $0) } }
    if let some = filter["or"] { return some.elements.contains { matches(line, $0) } }
    guard let leaf = filter["dimensions"], let name = leaf["name"]?.string, let have = line.dimensions[name] else { return false }
    return leaf["values"]?.elements.contains { $0.string?.lowercased() == have.lowercased() } ?? false
  }
}
