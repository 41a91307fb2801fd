import WeirCore

/// Lets 20 reports of one request pass at once and 20 a second after that, so that a flood of them cannot hold up whoever reads its stream.
/// The others are left out: each report replaces the one before (MCP, progress). Pure.
struct ProgressPace: Sendable {
  private static let burst = 20
  private static let interval: Duration = .milliseconds(50)

  /// When the bucket is full again.
  private var full = Moment.zero

  mutating func admits(now: Moment) -> Bool {
    let next = max(full, now) + Self.interval
    guard next - now <= Self.interval * Self.burst else { return false }
    full = next
    return true
  }
}
