package import WeirCore
package import WeirFlow

/// One replica's part of a rate that a fleet shares, without I/O: the tokens at hand, what it has to report, and when to call (`RateScript`).
///
/// - Tokens are debited when Redis gives them out. They may be used for `life` at most and never go back: too few requests may leave, never too
///   many. They are asked for when a request needs them, some more at once where the rate is high.
/// - Where too few are there, Redis may promise them for a moment within the next second, so that replicas are served in the order of asking.
/// - Requests that took more than expected are owed. What they took less goes back as far as Redis knows that the bucket did not run over meanwhile.
/// - From the first call without an answer on a bucket of this replica's own, empty at first, stands in, so that a request waits for Redis once. A
///   replica that is the only one knows what Redis would say, and begins with that. What leaves on it is owed.
/// - Two calls in a row without an answer: Redis is lost (`WithoutRedis`). When Redis is back the bucket is forgotten; the script charges what left
///   on it, or what may have.
/// - Who was too late itself to ask or to hear tries again, for three seconds, before that counts.
package struct Reservoir: RateLimiter {
  static let lifetime = Duration.milliseconds(250)
  static let beat = Duration.seconds(2)
  static let longestWait = Duration.seconds(1)
  static let retry = Duration.milliseconds(250)
  static let firstRetry = Duration.milliseconds(20)
  /// For how long calls in vain are put down to this process alone, where it was too busy for them.
  static let patience = Duration.seconds(3)

  let settings: SharedRateSettings
  var stock = TokenStock()
  var view: RateView?
  /// What stands in for Redis.
  var alone: TokenBucket?
  /// Requests that left on `alone`, and that Redis has not heard of.
  var lent = 0
  var isLost = false
  /// Tokens that were set aside in a bucket of its own that is gone.
  var strays = 0
  /// Tokens that a request waits for and that are not there.
  var wanted = 0
  /// Not to ask for tokens earlier: Redis said that there will be none.
  var notBefore = Moment.zero
  var ownPause: Moment?
  var fleetSize = 1
  var size = FleetSize()
  var slowestCall = Duration.zero

  var penalty: RateCall.Penalty?
  var success: Moment?
  var owed = 0
  var returns: [RateCall.Return] = []
  /// Which tokens each request left with; nil where none of them can come back.
  var leftWith: [WaiterID: Int64] = [:]

  var inFlight: RateCall?
  var calledAt = Moment.zero
  var failures = 0
  /// Calls in vain that say nothing of Redis.
  var delays = 0
  /// When the first of the calls went out that had no answer.
  var failingSince: Moment?
  var retryAt = Moment.zero
  var beatAt = Moment.zero
  var wantsClaim = false
  /// Whether Redis waits for all that this replica has claimed.
  var mustTell = false
  var claimNotBefore = Moment.zero
  /// How often Redis was lost.
  package internal(set) var losses = 0
  package internal(set) var calls = 0

  package init(_ settings: SharedRateSettings) {
    self.settings = settings
  }

  /// Whether this replica lives without Redis.
  package var isAlone: Bool { isLost }
  /// Tokens that were taken and not used in time.
  package var stranded: Int { stock.stranded }

  package var capacity: Int { alone?.capacity ?? settings.limits.map(\.burst).min() ?? RateLimit.maximumCount }
  package var slowdown: Double { alone?.slowdown ?? Double(view?.pace ?? GCRA.fullPace) / Double(GCRA.fullPace) }
  package var pausedUntil: Moment? { alone.map(\.pausedUntil) ?? [ownPause, view?.pausedUntil].compactMap { $0 }.max() }

  // MARK: Tokens

  package mutating func reserve(_ cost: Int, now: Moment) -> RateDecision {
    stock.expire(now: now)
    if isLost, settings.withoutRedis == .closed { return .refused(Self.closed) }
    if alone != nil { return alone?.reserve(cost, now: now) ?? .delayed(until: nil) }
    if settings.limits.isEmpty {
      guard let pausedUntil, pausedUntil > now else { return .granted }
      return .delayed(until: pausedUntil)
    }
    if let ready = stock.ready(cost) {
      guard ready <= now else { return .delayed(until: ready) }
      stock.reserve(cost)
      return .granted
    }
    if notBefore > now { return .delayed(until: notBefore) }
    wanted = max(wanted, cost - stock.count)
    return .delayed(until: nil)
  }

  package mutating func commit(_ cost: Int, for id: WaiterID, now: Moment) {
    if settings.limits.isEmpty, alone == nil { return }
    let lots = stock.take(cost)
    let late = lots.reduce(0) { $0 + ($1.until < now ? $1.count : 0) }
    let missing = cost - lots.reduce(0) { $0 + $1.count }
    if missing > 0, alone != nil {
      alone?.commit(missing, for: id, now: now)
      lend(missing)
    } else {
      strays = max(0, strays - missing)
      // Later than Redis has counted on, or on tokens that it never gave out.
      owe(late + missing)
      if late + missing == 0 { leftWith[id] = lots.map(\.number).min() }
    }
  }

  package mutating func settle(_ id: WaiterID, taken: Int, spent: Int, now: Moment) {
    let number = leftWith.removeValue(forKey: id)
    if alone != nil {
      alone?.settle(id, taken: taken, spent: spent, now: now)
      lend(spent - taken)
    } else if spent > taken {
      owe(spent - max(0, taken))
    } else if let number, taken > spent, !settings.limits.isEmpty {
      returns.append(RateCall.Return(count: taken - max(0, spent), since: number))
    }
  }

  package mutating func cancel(_ cost: Int) {
    let missing = stock.cancel(cost)
    guard missing > 0 else { return }
    if alone != nil { alone?.cancel(missing) } else { strays = max(0, strays - missing) }
  }

  package mutating func earliest(_ cost: Int, ahead: Int, now: Moment) -> Moment {
    if alone != nil { return alone?.earliest(cost, ahead: ahead, now: now) ?? now }
    let tokens = Int(clamping: Int128(cost) + Int128(ahead))
    if let ready = stock.ready(tokens) { return max(now, ready) }
    let missing = tokens - stock.count
    let paused = max(now, pausedUntil ?? now)
    let free = view?.earliest(missing, settings.limits, now: now) ?? now
    return max(paused, free, stock.isEmpty ? notBefore : now)
  }

  package func windows(now: Moment) -> [RateWindow] {
    if let alone { return alone.windows(now: now) }
    return settings.limits.enumerated().map { index, limit in
      RateWindow(limit: limit, available: min(limit.burst, (view?.available(index, of: limit, now: now) ?? 0) + stock.count))
    }
  }

  // MARK: What the provider says

  package mutating func penalise(retryAfter: Duration?, sentAt: Moment, jitter: Double, now: Moment) {
    if alone != nil {
      alone?.penalise(retryAfter: retryAfter, sentAt: sentAt, jitter: jitter, now: now)
    } else {
      stock.forget()
      let pause = min(max(.zero, retryAfter ?? settings.firstBackoff), settings.maximumPause)
      ownPause = max(ownPause ?? now, now + pause)
    }
    let until = [penalty?.until, retryAfter.map { now + min(max(.zero, $0), settings.maximumPause) }].compactMap { $0 }.max()
    penalty = RateCall.Penalty(sentAt: max(sentAt, penalty?.sentAt ?? sentAt), until: until, jitter: jitter)
  }

  package mutating func succeeded(sentAt: Moment) {
    alone?.succeeded(sentAt: sentAt)
    if let view, view.streak > 0 { success = max(sentAt, success ?? sentAt) }
  }

  private mutating func lend(_ tokens: Int) {
    lent = Int(clamping: min(Int128(lent) + Int128(max(0, tokens)), Int128(RateLimit.maximumCount)))
  }

  mutating func owe(_ tokens: Int) {
    guard !settings.limits.isEmpty else { return }
    owed = Int(clamping: min(Int128(owed) + Int128(max(0, tokens)), Int128(RateLimit.maximumCount)))
  }

  private static let closed = CallError(
    .overloaded, "The provider's rate limit is shared through Redis, which does not answer, and nothing is to be sent without it",
    retryAfter: .seconds(5))
}
