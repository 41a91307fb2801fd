import WeirBilling
import WeirCore
import WeirJSON

/// The tool `query-costs` and the service behind it, over a small ledger: rows in order of day and groups, the total their sum.
struct VantageCostServer {
  struct Line {
    let day: CivilDate
    let fields: [String: String]
    /// In millionths.
    let amount: Int
  }

  let lines: [Line]
  /// How whole numbers are written.
  let pointAlways: Bool
  /// Rows and total are rounded to cents, each by itself.
  var isRounded = false

  func answer(_ arguments: JSONValue) throws -> JSONValue {
    let start = try requireValue(CivilDate((arguments["start_date"]?.string ?? "").utf8))
    let end = try requireValue(CivilDate((arguments["end_date"]?.string ?? "").utf8))
    let groups = arguments["groupings"]?.elements.compactMap(\.string) ?? ["provider", "service", "region"]
    let bin = arguments["date_bin"]?.string ?? "day"
    let filter = arguments["filter"]?.string ?? ""
    var cells: [[String]: Int] = [:]
    for line in lines where line.day >= start && line.day <= end && Self.matches(line, filter) {
      let day = bin == "month" ? line.day.firstOfMonth : line.day
      cells[[day.text] + groups.map { line.fields[$0] ?? "" }, default: 0] += line.amount
    }
    let rows = cells.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    let costs = rows.prefix(1000).map { key, amount in
      JSONTree.object(
        [("accrued_at", .string(key[0])), ("amount", .string(text(amount))), ("currency", .string("USD"))]
          + zip(groups, key.dropFirst()).map { ($0, .string($1)) })
    }
    let total = JSONTree.object([("amount", .string(text(rows.reduce(0) { $0 + $1.value }))), ("currency", .string("USD"))])
    let pages = JSONTree.object([("nextPage", .number(rows.count > 1000 ? "2" : "0")), ("hasNextPage", .bool(rows.count > 1000))])
    var body: [(String, JSONTree)] = [("costs", .array(costs)), ("total_cost", total), ("notes", .string("Costs records represent one \(bin)."))]
    if costs.isEmpty { body.append(("hint", .string("No cost rows matched."))) }
    body.append(("pagination", pages))
    return try toolResult(.object(body), structured: .object(body))
  }

  private func text(_ millionths: Int) -> String {
    let shown = isRounded ? (millionths + 5000) / 10_000 * 10_000 : millionths
    var digits = String(shown % 1_000_000 + 1_000_000).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return digits.isEmpty ? "\(shown / 1_000_000)\(pointAlways ? ".0" : "")" : "\(shown / 1_000_000).\(digits)"
  }

  /// `(costs.provider = 'aws' AND costs.service IN ('A', 'B'))`, read with no more than what the tests write.
  private static func matches(_ line: Line, _ filter: String) -> Bool {
    let inner = String(filter.dropFirst().dropLast()).replacing("costs.", with: "").replacing(" IN ", with: " = ")
    return inner.split(separator: " AND ").allSatisfy { part in
      let words: [Substring] = part.split(separator: " = ", maxSplits: 1)
      // Every other piece between quotes is a value.
      let pieces: [Substring] = words[1].split(separator: "'", omittingEmptySubsequences: false)
      let values = pieces.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
      guard let have = line.fields[String(words[0])] else { return false }
      return values.contains(have)
    }
  }
}
