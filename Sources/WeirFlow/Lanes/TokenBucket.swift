package import WeirCore

/// A provider's rate limit: several windows that are asked together, a pause after the provider said no, and a pace that slows down then and
/// recovers (design decision 9).
///
/// - Tokens are set aside when a request is let through and spent when it leaves, so that a request which does not leave costs nothing, and
///   in no stretch of time t more than `burst + count × t / period` leave.
/// - What a request took more than its tokens is known only afterwards: it is owed, and pushes everything that follows into the future by as
///   much. What it took less comes back, less what would have run over in the meantime: the bound stays exact for what really left.
/// - A pause never ends early: its jitter, 0 to 10 %, comes after it. After a pause, requests leave one interval apart, not in a burst.
/// - Throttled, at most once a second: the pace falls to 0.7 of what it was, down to 1/64; each second after the pause it gains 5 %.
package struct TokenBucket: RateLimiter {
  private static let recoveryStep = Duration.seconds(1)

  private var cells: [GCRA]
  private let maximumPause: Duration
  private let firstBackoff: Duration
  private var reserved = 0
  private var pace = GCRA.fullPace
  private var recoveredAt = Moment.zero
  private var slowedAt: Moment?
  /// Throttles in a row, counting each burst of refusals once.
  private var streak = 0
  private var lastThrottle: Moment?
  package private(set) var pausedUntil: Moment?

  /// - Parameters:
  ///   - limits: none means no limit, but the provider's pauses are still kept.
  ///   - maximumPause: what a `Retry-After` is cut to.
  ///   - firstBackoff: the pause after the first refusal without `Retry-After`; doubled with each in a row.
  package init(_ limits: [RateLimit], maximumPause: Duration = .seconds(300), firstBackoff: Duration = .seconds(1)) {
    self.cells = limits.map { GCRA($0, maximumPause: maximumPause) }
    self.maximumPause = max(.zero, maximumPause)
    self.firstBackoff = min(max(.milliseconds(1), firstBackoff), self.maximumPause)
  }

  package var capacity: Int { cells.map(\.limit.burst).min() ?? RateLimit.maximumCount }
  package var slowdown: Double { Double(pace) / Double(GCRA.fullPace) }
  /// Tokens set aside and not yet spent.
  package var outstanding: Int { reserved }

  /// A window that stays keeps what was taken from it. Of a new one it is not known what has left: it begins empty, so that too few may leave for a
  /// while and never too many.
  package mutating func change(to limits: [RateLimit], now: Moment) {
    recover(now)
    cells = limits.map { limit in
      if let known = cells.first(where: { $0.limit == limit }) { return known }
      var cell = GCRA(limit, maximumPause: maximumPause)
      cell.charge(limit.burst, now: now, pace: pace)
      if let pausedUntil { cell.hold(until: pausedUntil, pace: pace) }
      return cell
    }
  }

  // MARK: Tokens

  package mutating func reserve(_ cost: Int, now: Moment) -> RateDecision {
    let at = earliest(cost, ahead: 0, now: now)
    guard at <= now else { return .delayed(until: at) }
    reserved += cost
    return .granted
  }

  package mutating func commit(_ cost: Int, for id: WaiterID, now: Moment) {
    recover(now)
    reserved = max(0, reserved - cost)
    for index in cells.indices { cells[index].charge(cost, for: id, now: now, pace: pace) }
  }

  package mutating func settle(_ id: WaiterID, taken: Int, spent: Int, now: Moment) {
    recover(now)
    for index in cells.indices { cells[index].settle(id, taken: taken, spent: spent, now: now, pace: pace) }
  }

  package mutating func cancel(_ cost: Int) {
    reserved = max(0, reserved - cost)
  }

  package mutating func earliest(_ cost: Int, ahead: Int, now: Moment) -> Moment {
    recover(now)
    let tokens = Int(clamping: Int128(cost) + Int128(ahead) + Int128(reserved))
    let free = cells.map { $0.earliest(tokens, now: now, pace: pace) }.max() ?? now
    return max(free, pausedUntil ?? now)
  }

  package func windows(now: Moment) -> [RateWindow] {
    var current = self
    current.recover(now)
    return current.cells.map { cell in
      let free = (current.pausedUntil ?? now) > now ? 0 : cell.available(now: now, pace: current.pace) - reserved
      return RateWindow(limit: cell.limit, available: max(0, free))
    }
  }

  /// Takes tokens that were used elsewhere; more than the burst: all there are.
  package mutating func drain(_ tokens: Int, now: Moment) {
    recover(now)
    for index in cells.indices { cells[index].charge(min(tokens, cells[index].limit.burst), now: now, pace: pace) }
  }

  // MARK: What the provider says

  package mutating func penalise(retryAfter: Duration?, sentAt: Moment, jitter: Double, now: Moment) {
    recover(now)
    // Requests that left before the last refusal came back tell nothing about the pause that it began.
    let isNews = lastThrottle.map { sentAt > $0 } ?? true
    if isNews {
      streak = min(streak + 1, 30)
      lastThrottle = now
      slowDown(now)
    } else if retryAfter == nil {
      return
    }
    let asked = retryAfter ?? firstBackoff * (1 << (streak - 1))
    let pause = min(max(.zero, asked), maximumPause)
    let until = now + pause + pause * (min(max(jitter, 0), 1) / 10)
    pausedUntil = max(until, pausedUntil ?? until)
    let resumption = pausedUntil ?? until
    recoveredAt = max(recoveredAt, resumption)
    for index in cells.indices { cells[index].hold(until: resumption, pace: pace) }
  }

  package mutating func succeeded(sentAt: Moment) {
    if let lastThrottle, sentAt <= lastThrottle { return }
    streak = 0
  }

  private mutating func slowDown(_ now: Moment) {
    if let slowedAt, now - slowedAt < Self.recoveryStep { return }
    slowedAt = now
    changePace(to: min(GCRA.slowestPace, (pace * 10 + 6) / 7), now: now)
    recoveredAt = max(recoveredAt, now)
  }

  /// Brings pause and pace up to `now`.
  private mutating func recover(_ now: Moment) {
    if let pausedUntil, pausedUntil <= now { self.pausedUntil = nil }
    // From the slowest pace to the full one it takes less than a hundred steps.
    while pace > GCRA.fullPace, recoveredAt + Self.recoveryStep <= now {
      recoveredAt = recoveredAt + Self.recoveryStep
      changePace(to: max(GCRA.fullPace, pace * 95 / 100), now: recoveredAt)
    }
  }

  private mutating func changePace(to new: Int, now: Moment) {
    for index in cells.indices { cells[index].changePace(from: pace, to: new, now: now) }
    pace = new
  }
}
