import WeirCore

/// Decides when an announced change of the tools is listed: at once, but not sooner than `interval` after the last one that was. A server that
/// announces a change with every listing would be listed without end. Pure.
struct ChangePace {
  private let interval: Duration
  private var last: Moment?
  private var isOwed = false

  init(interval: Duration) {
    self.interval = interval
  }

  /// A change was announced: nil where it is to be listed now, or the moment for it, which covers all changes until then.
  mutating func changed(now: Moment) -> Moment? {
    isOwed = true
    guard let last, now - last < interval else { return nil }
    return last + interval
  }

  /// A listing begins, for whatever reason: it covers what was announced before.
  mutating func listing(now: Moment) {
    if isOwed { last = now }
    isOwed = false
  }
}
