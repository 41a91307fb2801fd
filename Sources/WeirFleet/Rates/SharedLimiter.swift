internal import NIOConcurrencyHelpers
internal import WeirCore
internal import WeirFlow

/// A reservoir that a lane asks under its lock and that `SharedRate` fills.
struct SharedLimiter: RateLimiter {
  let reservoir: NIOLockedValueBox<Reservoir>
  /// Told when there is reason to call Redis. Must not block.
  let wake: @Sendable (Moment?) -> Void

  private func act<Result>(_ body: (inout Reservoir) -> Result) -> Result {
    let (result, moment) = reservoir.withLockedValue { reservoir in (body(&reservoir), reservoir.nextWake) }
    wake(moment)
    return result
  }

  var capacity: Int { reservoir.withLockedValue { $0.capacity } }
  var pausedUntil: Moment? { reservoir.withLockedValue { $0.pausedUntil } }
  var slowdown: Double { reservoir.withLockedValue { $0.slowdown } }

  func reserve(_ cost: Int, now: Moment) -> RateDecision { act { $0.reserve(cost, now: now) } }
  func commit(_ cost: Int, for id: WaiterID, now: Moment) { act { $0.commit(cost, for: id, now: now) } }
  func settle(_ id: WaiterID, taken: Int, spent: Int, now: Moment) { act { $0.settle(id, taken: taken, spent: spent, now: now) } }
  func cancel(_ cost: Int) { act { $0.cancel(cost) } }
  func earliest(_ cost: Int, ahead: Int, now: Moment) -> Moment { reservoir.withLockedValue { $0.earliest(cost, ahead: ahead, now: now) } }
  func penalise(retryAfter: Duration?, sentAt: Moment, jitter: Double, now: Moment) {
    act { $0.penalise(retryAfter: retryAfter, sentAt: sentAt, jitter: jitter, now: now) }
  }
  func succeeded(sentAt: Moment) { act { $0.succeeded(sentAt: sentAt) } }
  func windows(now: Moment) -> [RateWindow] { reservoir.withLockedValue { $0.windows(now: now) } }
}
