internal import WeirCore
internal import WeirPipeline

/// A report as text for a terminal.
package struct UsageTable {
  private let report: UsageReport
  private let top: Int

  /// - Parameter top: how many tools, tenants and providers at most.
  package init(_ report: UsageReport, top: Int) {
    self.report = report
    self.top = top
  }

  /// All of it, each line with its end.
  package var text: String {
    var lines = [heading, ""] + totals
    let groups = [("Tools", report.tools), ("Tenants", report.tenants), ("Providers", report.providers)].filter { !$0.1.isEmpty }
    let tables = groups.map { table($0.0, $0.1) }
    // One width for each column of all tables.
    let all = Self.aligned(tables.flatMap(\.self))
    var start = 0
    for (table, (_, group)) in zip(tables, groups) {
      lines += [""] + all[start..<start + table.count]
      start += table.count
      if group.count > top { lines.append("and \(group.count - top) more (--top \(group.count))") }
    }
    lines += ["", summary]
    if !report.isKept {
      lines.append("Kept in memory only, so a restart of Weir begins anew; \"usage: { file: PATH }\" in the configuration keeps it.")
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private var heading: String {
    let since = report.since > report.month.start ? ", counted since \(UsageText.minute(report.since))" : ""
    return "Usage in \(report.month) (UTC)\(since)"
  }

  // MARK: Totals

  private var totals: [String] {
    let total = report.total
    let outcomes: [(String, CallOutcome)] = [
      ("from memory", .hitMemory), ("from Redis", .hitRedis), ("stale", .stale), ("coalesced", .coalesced), ("merged", .merged),
      ("from buckets", .buckets), ("fetched", .miss), ("passed through", .bypass), ("refused", .refused), ("failed", .error),
    ]
    let kinds: [(String, SavingKind)] = [
      ("by hits", .hit), ("by coalescing", .coalesced), ("by merging", .merged), ("by buckets", .buckets),
    ]
    let saved = total.allSaved
    let decimals = Self.decimals([total.spent, saved.cost] + kinds.map { total.saved(by: $0.1).cost })
    var rows: [[String]] = [["", "number", "USD"]]
    rows.append(["Calls", Self.count(total.allCalls), ""])
    rows += outcomes.map { ["  \($0.0)", Self.count(total.calls($0.1)), ""] }
    rows.append(["Requests sent", Self.count(total.requestsSent), Self.money(total.spent, decimals)])
    rows.append(["Requests avoided", Self.count(saved.requests), Self.money(saved.cost, decimals)])
    rows += kinds.map { ["  \($0.0)", Self.count(total.saved(by: $0.1).requests), Self.money(total.saved(by: $0.1).cost, decimals)] }
    return Self.aligned(rows)
  }

  private var summary: String {
    let (sent, avoided) = (report.total.requestsSent, report.total.allSaved.requests)
    guard sent > 0 || avoided > 0 else { return "No request was sent or avoided yet." }
    let requests = "\(Self.share(of: avoided, and: sent)) of the requests were avoided"
    let (spent, saved) = (report.total.spent, report.total.allSaved.cost)
    guard spent > .zero || saved > .zero else { return requests + "." }
    return "\(requests), and \(Self.share(of: saved.amount, and: spent.amount)) of the money."
  }

  /// Cut, not rounded: only all of it is 100 %.
  private static func share(of part: Int64, and rest: Int64) -> String {
    let thousandths = Int128(part) * 1000 / max(1, Int128(part) + Int128(rest))
    return "\(thousandths / 10).\(thousandths % 10) %"
  }

  // MARK: Groups

  private func table(_ title: String, _ group: [UsageReport.Line]) -> [[String]] {
    let shown = group.prefix(top)
    let spent = Self.decimals(shown.map(\.tally.spent))
    let saved = Self.decimals(shown.map(\.tally.allSaved.cost))
    let rows = shown.map { line in
      let tally = line.tally
      let counts = [tally.allCalls, tally.hits, tally.calls(.coalesced), tally.calls(.merged), tally.calls(.buckets), tally.requestsSent]
      return [UsageText.printable(line.name)] + (counts + [tally.allSaved.requests]).map(Self.count)
        + [Self.money(tally.spent, spent), Self.money(tally.allSaved.cost, saved)]
    }
    return [[title, "calls", "hits", "coalesced", "merged", "buckets", "sent", "avoided", "spent USD", "saved USD"]] + rows
  }

  /// The first column begins at the left, the others end at the right.
  private static func aligned(_ rows: [[String]]) -> [String] {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].unicodeScalars.count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.unicodeScalars.count)
        return column == 0 ? cell + space : space + cell
      }
      var line = Array(cells.joined(separator: "  ").utf8)
      while line.last == UInt8(ascii: " ") { line.removeLast() }
      return String(decoding: line, as: UTF8.self)
    }
  }

  private static func count(_ number: Int64) -> String { UsageText.grouped(String(number)) }

  private static func money(_ amount: MicroUSD, _ decimals: Int) -> String { UsageText.grouped(UsageText.dollars(amount, decimals: decimals)) }

  /// Cents, or more where one of the amounts needs them.
  private static func decimals(_ amounts: [MicroUSD]) -> Int { amounts.map(UsageText.decimals).reduce(2, max) }
}
