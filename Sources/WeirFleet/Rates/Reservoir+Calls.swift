internal import WeirCore
internal import WeirFlow

/// When to call, with what, and what follows from the answer.
extension Reservoir {
  /// When `nextCall` should be asked; nil while a call is under way.
  var nextWake: Moment? {
    guard inFlight == nil else { return nil }
    if isLost || failures + delays > 0 { return retryAt }
    if wanted > 0 || hasReports || mustTell { return .zero }
    return wantsClaim ? min(beatAt, claimNotBefore) : beatAt
  }

  private var hasReports: Bool { penalty != nil || success != nil || owed > 0 || !returns.isEmpty }

  /// The call that is due; `received` or `failed` has to follow.
  /// - Parameter replicas: how many are in the fleet.
  mutating func nextCall(replicas: Int, now: Moment) -> RateCall? {
    fleetSize = size.update(replicas, now: now)
    guard let wake = nextWake, wake <= now else { return nil }
    var call = RateCall()
    call.fleetSize = fleetSize
    call.share = settings.withoutRedis == .closed ? 0 : 800
    if isLost, let failingSince {
      call.lostFor = max(.microseconds(1), now - failingSince)
      call.usedAlone = lent
    }
    calledAt = now
    (call.penalty, call.succeeded) = (penalty, success)
    (call.owed, call.returns) = (owed, Array(returns.prefix(64)))
    if wanted > 0, alone == nil, !isLost {
      call.least = wanted
      call.want = max(wanted, chunk)
      call.longestWait = Self.longestWait
      call.life = life
    }
    (penalty, success, owed, wanted, wantsClaim) = (nil, nil, 0, 0, false)
    returns.removeFirst(call.returns.count)
    call.isComplete = mustTell || beatAt <= now || isLost
    if call.isComplete { beatAt = now + Self.beat }
    mustTell = false
    inFlight = call
    calls += 1
    return call
  }

  /// The last call: what is owed. Nothing is asked for.
  mutating func farewell() -> RateCall {
    var call = RateCall()
    call.fleetSize = fleetSize
    (call.isLeaving, call.isComplete) = (true, true)
    (call.penalty, call.owed) = (penalty, owed)
    return call
  }

  /// - Returns: whether Redis was lost and is back.
  mutating func received(_ reply: RateReply, to call: RateCall, sentAt: Moment, jitter: Double, now: Moment) -> Bool {
    inFlight = nil
    (failures, delays) = (0, 0)
    failingSince = nil
    retryAt = .zero
    slowestCall = max(now - sentAt, slowestCall * 9 / 10)
    ownPause = nil
    mustTell = reply.wantsClaims && !call.isComplete
    let view = RateView(reply, sentAt: sentAt, now: now)
    self.view = view
    let isBack = isLost
    if let alone { strays += alone.outstanding }
    owe(lent - call.usedAlone)
    (alone, isLost, lent) = (nil, false, 0)
    if let pause = view.pausedUntil { stock.forget(before: pause) }
    let delay = Duration.microseconds(reply.delay)
    if reply.granted > 0 {
      let lot = TokenLot(count: reply.granted, from: now + delay, until: sentAt + delay + call.life, number: reply.number)
      stock.add(lot, now: now)
    } else if call.least > 0 {
      // Somewhere within the time for which tokens are promised, so that replicas do not all ask at once.
      notBefore = now + max(.milliseconds(1), delay - Self.longestWait * (0.25 + min(max(jitter, 0), 1) / 2))
    }
    return isBack
  }

  /// No answer, and nobody knows whether the call was carried out.
  /// - Parameter isLate: this process was too busy to ask or to hear.
  /// - Returns: whether Redis counts as lost from now on.
  mutating func failed(_ call: RateCall, isLate: Bool = false, now: Moment) -> Bool {
    inFlight = nil
    let since = failingSince ?? calledAt
    failingSince = since
    if isLate, now - since < Self.patience { delays += 1 } else { failures += 1 }
    retryAt = now + (failures < 2 ? Self.firstRetry : Self.retry)
    // Twice is better than never; but what is given back twice was never there.
    owe(call.owed)
    penalty = penalty ?? call.penalty
    success = success ?? call.succeeded
    guard failures > 1, !isLost else {
      if failures == 1, settings.withoutRedis == .degraded { standIn(now: now) }
      return false
    }
    isLost = true
    losses += 1
    standIn(now: now)
    return true
  }

  mutating func claimed(isSatisfied: Bool, now: Moment) {
    claimNotBefore = isSatisfied ? .zero : now + Self.retry
  }

  mutating func wantClaim() { wantsClaim = true }

  /// Tokens to ask for at once: what this replica's part of the rate is in 100 ms.
  var chunk: Int {
    let chunks = settings.limits.map { limit -> Int in
      let rate = Double(limit.count) / limit.period.inSeconds
      if rate < 20 { return 1 }
      return min(Int((rate * 0.1 / Double(fleetSize)).rounded(.up)), max(1, limit.burst / (2 * fleetSize)))
    }
    return max(1, chunks.min() ?? 1)
  }

  /// How long tokens may be used. They count as used at the end of it, which costs nothing where the burst is longer. Where it is shorter, they
  /// live just long enough for the reply and the way out.
  var life: Duration {
    let slack = settings.limits.map { limit in
      limit.period.inSeconds * Double(limit.burst - 1) / Double(limit.count) * Double(view?.pace ?? GCRA.fullPace) / Double(GCRA.fullPace)
    }
    let shortest = Duration.seconds(min(slack.min() ?? 1, 1))
    return min(Self.lifetime, max(shortest, slowestCall * 4, .milliseconds(50)))
  }

  private mutating func standIn(now: Moment) {
    stock.forget()
    guard alone == nil else { return }
    alone = bucket(now: now)
  }

  /// What stands in for Redis. Nobody knows what the others have used of the burst, so it begins empty; where there is nobody else, as the
  /// last reply said.
  private func bucket(now: Moment) -> TokenBucket? {
    guard settings.withoutRedis != .closed else { return nil }
    let isOpen = settings.withoutRedis == .open
    let limits = isOpen ? settings.limits : settings.limits.compactMap { Self.part(of: $0, for: fleetSize) }
    var bucket = TokenBucket(limits, maximumPause: settings.maximumPause, firstBackoff: settings.firstBackoff)
    if !isOpen {
      let missing = settings.limits.enumerated().map { index, limit in limit.burst - (view?.available(index, of: limit, now: now) ?? 0) }
      bucket.drain(fleetSize == 1 && view != nil ? missing.max() ?? 0 : RateLimit.maximumCount, now: now)
    }
    if let pausedUntil, pausedUntil > now { bucket.penalise(retryAfter: pausedUntil - now, sentAt: now, jitter: 0, now: now) }
    return bucket
  }

  /// Four fifths of the rate and the burst, divided by the replicas.
  private static func part(of limit: RateLimit, for replicas: Int) -> RateLimit? {
    let burst = max(1, limit.burst / replicas)
    let period = limit.period * (5 * replicas)
    if limit.count <= RateLimit.maximumCount / 4, period <= RateLimit.maximumPeriod {
      return RateLimit(count: limit.count * 4, period: period, burst: burst)
    }
    return RateLimit(count: max(1, limit.count / (5 * replicas) * 4), period: limit.period, burst: burst)
  }
}
