import WeirCore

/// Decides when an announced change of the lists is looked at: at once, but not more than `burst` times in a row and once in every `interval` after
/// that. A server that announces a change with every listing would be listed without end. Pure.
struct ChangePace {
  private let interval: Duration
  private let burst: Int
  /// When all of the burst may be used again.
  private var full = Moment.zero
  private var isOwed = false

  init(interval: Duration, burst: Int = 60) {
    self.interval = interval
    self.burst = max(1, burst)
  }

  /// A change was announced: nil where it is to be listed now, or the moment for it, which covers all changes until then.
  mutating func changed(now: Moment) -> Moment? {
    isOwed = true
    let early = interval * (burst - 1)
    return max(full, now) - now <= early ? nil : full + (Duration.zero - early)
  }

  /// A listing begins, for whatever reason: it covers what was announced before.
  mutating func listing(now: Moment) {
    if isOwed { full = max(full, now) + interval }
    isOwed = false
  }
}
