import WeirCore

/// The table and what is to be reached.
enum Report {
  static let head = """
    | | requests | fewer than no proxy | money | p50 | p95 | throttled calls | refused requests |
    |---|---:|---:|---:|---:|---:|---:|---:|
    """

  static func row(_ mode: Mode, _ measured: Replay.Measurement, base: Replay.Measurement?) -> String {
    let fewer = base.map { mode == .direct ? "" : percent(1 - Double(measured.requests) / Double(max(1, $0.requests))) } ?? ""
    let cells = [
      mode.title, "\(measured.requests)", fewer, "$\(fixed(measured.money.dollars, 2))", seconds(measured.percentile(0.5)),
      seconds(measured.percentile(0.95)), "\(measured.throttled)", "\(measured.refused)",
    ]
    return "| " + cells.joined(separator: " | ") + " |"
  }

  /// One line for whoever wants to know more.
  static func details(_ mode: Mode, _ measured: Replay.Measurement) -> String {
    let operations = measured.providers.values.flatMap(\.operations).sorted { $0.key < $1.key }
      .map { "\($0.key.split(separator: ".").last ?? "?") \($0.value)" }
    let outcomes = measured.outcomes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    var line = "\(mode.rawValue): \(operations.joined(separator: ", "))"
    if !outcomes.isEmpty { line += "; \(outcomes.joined(separator: ", "))" }
    if measured.failed > 0 { line += "; \(measured.failed) failed, such as: \(measured.failure?.prefix(300) ?? "")" }
    return line
  }

  /// What issue and documentation promise, and whether it was reached.
  static func aims(_ measured: [Mode: Replay.Measurement]) -> String {
    guard let best = Mode.allCases.last(where: { measured[$0] != nil }).flatMap({ measured[$0] }) else { return "" }
    var lines = [""]
    if let direct = measured[.direct] {
      let share = 1 - Double(best.requests) / Double(max(1, direct.requests))
      lines.append("- fewer requests than without a proxy, at least 97 %: \(percent(share)), \(share >= 0.97 ? "reached" : "not reached")")
    }
    if let exact = measured[.exact] {
      let times = Double(exact.requests) / Double(max(1, best.requests))
      lines.append("- times fewer than with an exact-match cache, at least 3: \(fixed(times, 2)), \(times >= 3 ? "reached" : "not reached")")
    }
    lines.append("- calls refused by throttling, none: \(best.throttled), \(best.throttled == 0 ? "reached" : "not reached")")
    return lines.joined(separator: "\n")
  }

  static func seconds(_ duration: Duration) -> String { fixed(duration.inSeconds, 2) + " s" }

  private static func percent(_ share: Double) -> String { fixed(share * 100, 1) + " %" }

  private static func fixed(_ number: Double, _ places: Int) -> String {
    var scale = 1
    for _ in 0..<places { scale *= 10 }
    let scaled = Int((abs(number) * Double(scale)).rounded())
    let fraction = String(scaled % scale)
    let sign = number < 0 && scaled > 0 ? "-" : ""
    return "\(sign)\(scaled / scale)." + String(repeating: "0", count: places - fraction.utf8.count) + fraction
  }
}
