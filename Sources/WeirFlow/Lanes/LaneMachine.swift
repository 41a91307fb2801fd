package import WeirCore

/// The decisions of a lane, without I/O: fair queue, then permit, then budget and token, then go (design decisions 9, 10 and 13).
///
/// - A request holds no token while it waits, for its turn or for a permit; one that is refused, expired or cancelled never took any.
/// - Tokens and budget are set aside when a request is let through, spent when it says that it leaves, free again when it does not, and
///   settled when it is over: what counts in the end is what it really was.
/// - A request for more than the limiter's capacity takes as many tokens as there can be, and owes the rest if it needs it.
/// - What may leave together with others lingers for company before it queues. A head takes along whoever of its group its batch admits, from
///   the queue and of those that linger, at most `mostOffers` being asked: they share its permit, its tokens, its budget and its answer, and
///   use no turn of their tenants. So the longer a throttled provider makes them wait, the more leave with one token.
/// - Who has no chance before its deadline is told so at once, with the time after which it would have one.
package struct LaneMachine: Sendable {
  private struct Grant: Sendable {
    let request: LaneRequest
    let tokens: Int
    let grantedAt: Moment
    var sentAt: Moment?
    /// In which count of each budget the estimate is.
    var counts: [Int] = []
  }

  /// How many of its group a head offers to take along.
  package static let mostOffers = 128

  private var concurrency: Int
  private var tenantConcurrency: Int
  private var queue: FairQueue
  private var limiter: any RateLimiter
  var budgets: BudgetBook
  private var grants: [WaiterID: Grant] = [:]
  /// Permits out per tenant.
  private var held: [Name: Int] = [:]
  /// Tenants that have as many permits as one may.
  private var full: Set<Name> = []
  private var latency: Duration?
  private var isClosed = false
  private var totals = LaneStats()

  package init(_ configuration: LaneConfiguration, limiter: (any RateLimiter)? = nil) {
    self.concurrency = configuration.concurrency
    self.tenantConcurrency = configuration.tenantConcurrency
    self.queue = FairQueue(
      totalLimit: configuration.queueLimit, tenantLimit: configuration.tenantQueueLimit, weights: configuration.weights)
    self.limiter =
      limiter
      ?? TokenBucket(configuration.limits, maximumPause: configuration.maximumPause, firstBackoff: configuration.firstBackoff)
    self.budgets = BudgetBook(provider: configuration.budgets, tenants: configuration.tenantBudgets, isShared: configuration.sharesBudgets)
  }

  package func stats(now: Moment, wall: WallTime) -> LaneStats {
    var stats = totals
    stats.depth = queue.count
    stats.depthByTenant = queue.countByTenant
    stats.permitsInUse = grants.count
    stats.concurrency = concurrency
    stats.windows = limiter.windows(now: now)
    stats.pausedUntil = limiter.pausedUntil.flatMap { $0 > now ? $0 : nil }
    stats.slowdown = limiter.slowdown
    stats.budgets = budgets.stats(now: wall)
    stats.typicalLatency = latency
    return stats
  }

  /// The operator's limits are others from now on; what was spent, asked for and is under way stays as it is. False where budgets are added or taken
  /// away, or have another period: those stay as they were.
  package mutating func change(to configuration: LaneConfiguration, now: Moment, wall: WallTime) -> (isWhole: Bool, actions: [LaneAction]) {
    concurrency = configuration.concurrency
    tenantConcurrency = configuration.tenantConcurrency
    full = Set(held.filter { $0.value >= tenantConcurrency }.keys)
    limiter.change(to: configuration.limits, now: now)
    let isWhole = budgets.change(provider: configuration.budgets, tenants: configuration.tenantBudgets)
    return (isWhole, pump(now: now, wall: wall))
  }

  // MARK: Events

  package mutating func enqueue(_ id: WaiterID, _ request: LaneRequest, now: Moment, wall: WallTime) -> [LaneAction] {
    if let refusal = refusal(of: request, now: now, wall: wall) { return [refuse(id, refusal)] + reports(on: request.tenant, wall: wall) }
    // Never so long that no time is left for an answer.
    let lingersUntil = min(now + request.linger, request.deadline + (.zero - (latency ?? .zero)))
    if lingersUntil <= now, let actions = grantAtOnce(id, request, now: now, wall: wall) { return actions }
    switch queue.enqueue(id, request, lingersUntil: lingersUntil > now ? lingersUntil : nil, now: now) {
    case .queueFull?:
      return [refuse(id, CallError(.overloaded, "Too many requests wait for this provider", retryAfter: .seconds(10)))]
    case .tenantFull?:
      let message = "Too many requests of this tenant wait for this provider; send fewer at once"
      return [refuse(id, CallError(.throttled, message, retryAfter: .seconds(10)))]
    case nil:
      return pump(now: now, wall: wall)
    }
  }

  /// The shortest way where nobody waits and nothing stands against it, to what `pump` would do; nil where there is anything to decide.
  private mutating func grantAtOnce(_ id: WaiterID, _ request: LaneRequest, now: Moment, wall: WallTime) -> [LaneAction]? {
    guard queue.isFree, grants.count < concurrency, !full.contains(request.tenant), case .granted = budgets.room(for: request, now: wall) else {
      return nil
    }
    let tokens = tokens(for: request)
    switch limiter.reserve(tokens, now: now) {
    case .granted:
      return grant(queue.entry(id, request, now: now), tokens: tokens, now: now, wall: wall)
    case .delayed(let until):
      guard queue.enqueue(id, request, now: now) == nil else { return nil }
      return outlook(tokenAt: until, passing: full, now: now)
    case .refused(let error):
      return [refuse(id, error)]
    }
  }

  /// The caller of a waiting request leaves. - Returns: false where the request does not wait (any more).
  package mutating func cancel(_ id: WaiterID) -> Bool {
    guard queue.remove(id) != nil else { return false }
    totals.cancelled += 1
    return true
  }

  /// What a budget says that is to stop calls when it is spent, even those for which there is a stale answer.
  package mutating func stop(of request: LaneRequest, wall: WallTime) -> (refusal: CallError?, reports: [LaneAction]) {
    guard let error = budgets.room(for: request, now: wall).refusal, error.forbidsStale else { return (nil, []) }
    return (error, reports(on: request.tenant, wall: wall))
  }

  /// Time has passed, or the limiter has got tokens.
  package mutating func timer(now: Moment, wall: WallTime) -> [LaneAction] {
    pump(now: now, wall: wall)
  }

  /// The request leaves now: its estimate is spent.
  package mutating func sent(_ id: WaiterID, now: Moment, wall: WallTime) {
    guard var grant = grants[id], grant.sentAt == nil else { return }
    limiter.commit(grant.tokens, for: id, now: now)
    grant.counts = budgets.commit(grant.request, now: wall)
    grant.sentAt = now
    grants[id] = grant
  }

  /// The request is over and gives its permit back. One that never said that it left, but has an outcome, counts as
  /// sent now.
  package mutating func released(_ id: WaiterID, _ outcome: LaneOutcome, jitter: Double, now: Moment, wall: WallTime) -> [LaneAction] {
    guard let sentAt = grants[id].map({ $0.sentAt ?? $0.grantedAt }) else { return [] }
    if outcome != .notSent { sent(id, now: now, wall: wall) }
    guard let grant = grants.removeValue(forKey: id) else { return [] }
    hold(-1, for: grant.request.tenant)
    if grant.sentAt == nil {
      limiter.cancel(grant.tokens)
      budgets.cancel(grant.request)
    } else {
      settle(id, grant, outcome, now: now, wall: wall)
    }
    switch outcome {
    case .answered:
      limiter.succeeded(sentAt: sentAt)
      // A machine that slept in between must not count: no answer that was of use took longer than its deadline.
      learn(min(now, max(sentAt, grant.request.deadline)) - sentAt)
    case .throttled(let retryAfter):
      totals.throttles += 1
      limiter.penalise(retryAfter: retryAfter, sentAt: sentAt, jitter: jitter, now: now)
    case .failed, .notSent:
      break
    }
    return reports(on: grant.request.tenant, wall: wall) + pump(now: now, wall: wall)
  }

  /// Replaces what a request was expected to take by what it took. One without an answer took one request, as far as anybody knows, and no
  /// money: providers charge for requests that succeed. Its tokens stay spent, since all its requests may have left.
  private mutating func settle(_ id: WaiterID, _ grant: Grant, _ outcome: LaneOutcome, now: Moment, wall: WallTime) {
    var spent = grant.tokens
    var actual = BudgetAmount(requests: 1, price: .zero)
    if case .answered(let requests, let price) = outcome {
      spent = max(0, requests)
      actual = BudgetAmount(requests: requests, price: price)
    }
    limiter.settle(id, taken: grant.tokens, spent: spent, now: now)
    budgets.settle(grant.request, in: grant.counts, as: actual, now: wall)
  }

  /// Refuses everybody who waits, and whoever comes.
  package mutating func close() -> [LaneAction] {
    isClosed = true
    return queue.removeAll().map { refuse($0.id, .shuttingDown) }
  }

  // MARK: Decisions

  /// Hands out what can be handed out.
  private mutating func pump(now: Moment, wall: WallTime) -> [LaneAction] {
    var actions = queue.removeExpired(by: now).map { expire($0, now: now) }
    actions += endLingers(now: now, wall: wall)
    var tokenAt: Moment?
    /// Tenants that have no permit left, or whose own budget is all under way.
    var passing = full
    heads: while grants.count < concurrency, let head = queue.head(skipping: passing) {
      let tenant = head.request.tenant
      let room = budgets.room(for: head.request, now: wall)
      if let refusal = tooLate(head, now: now) ?? room.refusal {
        queue.remove(head.id)
        actions.append(refuse(head.id, refusal))
        actions += reports(on: tenant, wall: wall)
        continue
      }
      // What is under way will be settled, and this be asked again.
      if case .pending(let everybody) = room {
        if everybody { break heads }
        passing.insert(tenant)
        continue
      }
      let tokens = tokens(for: head.request)
      switch limiter.reserve(tokens, now: now) {
      case .granted: break
      case .delayed(let until):
        tokenAt = until
        break heads
      case .refused(let error):
        queue.remove(head.id)
        actions.append(refuse(head.id, error))
        continue heads
      }
      guard let entry = queue.popHead(skipping: passing) else { break }
      actions += grant(entry, tokens: tokens, now: now, wall: wall)
      if full.contains(tenant) { passing.insert(tenant) }
    }
    if budgets.isWaiting { actions.append(.claim) }
    return actions + outlook(tokenAt: tokenAt, passing: passing, now: now)
  }

  /// Whoever has lingered long enough queues, or is told that it has no chance.
  private mutating func endLingers(now: Moment, wall: WallTime) -> [LaneAction] {
    var actions: [LaneAction] = []
    while let entry = queue.lingered(until: now) {
      if let refusal = refusal(of: entry.request, now: now, wall: wall) {
        queue.remove(entry.id)
        actions.append(refuse(entry.id, refusal))
        actions += reports(on: entry.request.tenant, wall: wall)
      } else {
        queue.endLinger(entry.id)
      }
    }
    return actions
  }

  private mutating func grant(_ entry: FairQueue.Entry, tokens: Int, now: Moment, wall: WallTime) -> [LaneAction] {
    budgets.reserve(entry.request, now: wall)
    grants[entry.id] = Grant(request: entry.request, tokens: tokens, grantedAt: now)
    hold(1, for: entry.request.tenant)
    totals.granted += 1
    var party = entry.request.company.map { LaneParty($0) }
    var carries: [LaneAction] = []
    for other in queue.company(of: entry, limit: Self.mostOffers) {
      guard let companion = other.request.company, party?.batch.admit(companion) ?? false else { continue }
      queue.remove(other.id)
      party?.members.append(.init(id: other.id, companion: companion))
      carries.append(.carry(other.id, waited: now - other.enqueuedAt))
    }
    totals.merged += carries.count
    return [.grant(entry.id, waited: now - entry.enqueuedAt, with: carries.isEmpty ? nil : party)] + carries
  }

  /// Sends away who will be too late whatever happens, and says when to look again.
  private mutating func outlook(tokenAt: Moment?, passing: Set<Name>, now: Moment) -> [LaneAction] {
    guard !queue.isEmpty else { return [] }
    let nextToken = limiter.earliest(1, ahead: 0, now: now)
    var actions: [LaneAction] = []
    if nextToken > now {
      actions = queue.removeExpired(by: nextToken).map { refuse($0.id, noRoom(until: nextToken, now: now)) }
    }
    var next = min(queue.nextDeadline ?? .distantFuture, tokenAt ?? .distantFuture, queue.nextLingerEnd ?? .distantFuture)
    // Among those sent away may have been the head that the limiter was asked for; the one after it may cost less.
    if grants.count < concurrency, let head = queue.head(skipping: passing),
      case let at = limiter.earliest(tokens(for: head.request), ahead: 0, now: now), at > now
    {
      next = min(next, at)
    }
    if next < .distantFuture { actions.append(.setTimer(next)) }
    return actions
  }

  private mutating func reports(on tenant: Name, wall: WallTime) -> [LaneAction] {
    budgets.notices(on: tenant, now: wall).map { .report($0) }
  }

  private mutating func hold(_ change: Int, for tenant: Name) {
    let count = held[tenant, default: 0] + change
    held[tenant] = count > 0 ? count : nil
    if count >= tenantConcurrency, tenantConcurrency < concurrency { full.insert(tenant) } else { full.remove(tenant) }
  }

  private mutating func refusal(of request: LaneRequest, now: Moment, wall: WallTime) -> CallError? {
    if isClosed { return .shuttingDown }
    if request.deadline <= now { return CallError(.timedOut, "The call's deadline had passed before it could be sent; allow it more time.") }
    if case .refused(let error) = budgets.room(for: request, now: wall) { return error }
    if noChance(of: request, behind: queue.mostAhead(of: request), now: now) == nil { return nil }
    return noChance(of: request, behind: queue.ahead(of: request), now: now)
  }

  private mutating func noChance(of request: LaneRequest, behind ahead: (items: Int, cost: Int), now: Moment) -> CallError? {
    let token = limiter.earliest(tokens(for: request), ahead: ahead.cost, now: now)
    let permit = now + permitWait(items: ahead.items)
    let start = max(token, permit)
    // Where nothing has to be waited for, the request goes: what answers took in the past is no reason to refuse.
    guard start > now, start + (latency ?? .zero) > request.deadline else { return nil }
    return token >= permit ? noRoom(until: token, now: now) : busy(until: permit, now: now)
  }

  /// How long until a permit is free for whoever has so many before it.
  private func permitWait(items: Int) -> Duration {
    let waiting = grants.count + items + 1 - concurrency
    guard waiting > 0, let latency else { return .zero }
    return latency * (Double(waiting) / Double(concurrency))
  }

  /// The tokens to set aside: what the request is expected to need, or all that there can be at once.
  private func tokens(for request: LaneRequest) -> Int { min(request.cost, max(1, limiter.capacity)) }

  /// A head that has waited and has less time left than an answer takes would cost money for nothing.
  private func tooLate(_ entry: FairQueue.Entry, now: Moment) -> CallError? {
    guard let latency, now > entry.enqueuedAt, now + latency > entry.request.deadline else { return nil }
    return busy(until: now, now: now)
  }

  private mutating func expire(_ entry: FairQueue.Entry, now: Moment) -> LaneAction {
    totals.expired += 1
    let token = limiter.earliest(1, ahead: queue.ahead(of: entry.request).cost, now: now)
    return .refuse(entry.id, token > now ? noRoom(until: token, now: now) : busy(until: now, now: now))
  }

  private mutating func refuse(_ id: WaiterID, _ error: CallError) -> LaneAction {
    totals.refused += 1
    return .refuse(id, error)
  }

  private func noRoom(until moment: Moment, now: Moment) -> CallError {
    let wait = max(.seconds(1), moment - now)
    return CallError(.throttled, "The provider's rate limit leaves no room before your deadline", retryAfter: wait)
  }

  private func busy(until moment: Moment, now: Moment) -> CallError {
    let wait = max(.seconds(1), moment - now)
    return CallError(.throttled, "The provider's requests under way leave no room before your deadline", retryAfter: wait)
  }

  /// A moving average: a fifth of the way to each new answer.
  private mutating func learn(_ sample: Duration) {
    guard let latency else {
      self.latency = sample
      return
    }
    self.latency = latency + (sample - latency) / 5
  }
}
