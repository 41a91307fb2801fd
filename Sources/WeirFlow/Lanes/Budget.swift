package import WeirCore

/// Counts what is spent per calendar period: an estimate is set aside when a request is let through, counts as spent from when the request
/// leaves, and is replaced by what it really was when that is known.
///
/// What is set aside and what is spent never exceed the limit together. Only a settlement may: what was spent was spent, and the next
/// request is refused. All sums are exact.
package struct Budget: Sendable {
  var limit: BudgetLimit
  private let owner: BudgetOwner
  private var calendarPeriod: Int?
  /// How many times the count began at zero.
  private var epoch = 0
  private var settled = BudgetAmount.zero
  /// Estimates of requests that left in this period and are not settled.
  private var sent = BudgetAmount.zero
  /// Estimates of requests that have not left.
  private var reserved = BudgetAmount.zero
  /// Whether a request was refused in this period that would have had room at its beginning.
  private var hasRefused = false
  /// What the operator was told in this period.
  private var told: BudgetNotice.Level?
  /// What the others of a fleet leave; nil where there is no fleet.
  private var fleet: BudgetInFleet?

  /// - Parameter isShared: whether a fleet spends it together: then nothing is granted that `learn` has not allowed.
  package init(_ limit: BudgetLimit, of owner: BudgetOwner = .provider, isShared: Bool = false) {
    self.limit = limit
    self.owner = owner
    fleet = isShared ? BudgetInFleet(limit) : nil
  }

  /// Sets `estimate` aside where there is room.
  package mutating func reserve(_ estimate: BudgetAmount, now: WallTime) -> BudgetDecision {
    let decision = decision(on: estimate, now: now)
    if decision == .granted { reserved = reserved + estimate }
    return decision
  }

  /// Whether there is room for `estimate` now.
  package mutating func decision(on estimate: BudgetAmount, now: WallTime) -> BudgetDecision {
    turn(to: now)
    let known = settledByAll
    if let most = limit.requests.map({ Int128($0) }), known.requests + estimate.requests > most {
      return refusal(overBudget(requests: estimate.requests, of: most, now))
    }
    // What costs nothing needs no money.
    let most = estimate.money > 0 ? limit.money.map { Int128($0.amount) } : nil
    if let most, known.money + estimate.money > most { return refusal(overBudget(money: estimate.money, of: most, now)) }
    let total = used + estimate
    if let most = limit.requests, total.requests > Int128(most) { return .pending }
    if let most, total.money > most { return .pending }
    switch fleet?.allows(total, isPaid: estimate.money > 0) {
    case false?: return fleet?.contact == .lost ? .refused(unreachable) : .pending
    case true?, nil: return .granted
    }
  }

  private var used: BudgetAmount { settled + sent + reserved }
  private var settledByAll: BudgetAmount { settled + (fleet?.share?.settledByOthers ?? .zero) }

  /// A request with this estimate set aside leaves now. - Returns: in which count it is; `settle` wants to know.
  package mutating func commit(_ estimate: BudgetAmount, now: WallTime) -> Int {
    turn(to: now)
    cancel(estimate)
    sent = sent + estimate
    return epoch
  }

  /// A request with this estimate set aside does not leave.
  package mutating func cancel(_ estimate: BudgetAmount) {
    reserved = reserved - estimate
  }

  /// A request that left is over and was in fact `actual`. Where its period is over, nothing is given back, and what it took more counts in
  /// the period that runs.
  /// - Parameter count: what `commit` returned.
  package mutating func settle(_ estimate: BudgetAmount, in count: Int, as actual: BudgetAmount, now: WallTime) {
    turn(to: now)
    guard count == epoch else {
      settled = settled + (actual - estimate)
      return
    }
    sent = sent - estimate
    settled = settled + actual
  }

  /// What there is to tell the operator, once per period and level. Counts what is settled only: estimates may be too high by far.
  package mutating func notice(now: WallTime) -> BudgetNotice? {
    turn(to: now)
    guard let level = level, told.map({ $0 < level }) ?? true else { return nil }
    told = level
    return BudgetNotice(level: level, budget: stats(now: now))
  }

  private var level: BudgetNotice.Level? {
    let known = settledByAll
    let counts = [(known.requests, limit.requests.map { Int128($0) }), (known.money, limit.money.map { Int128($0.amount) })]
    let limited = counts.compactMap { used, most in most.map { (used, $0) } }
    if hasRefused || limited.contains(where: { used, most in used >= most }) { return .spent }
    return limited.contains { used, most in used * 5 >= most * 4 } ? .warning : nil
  }

  package func stats(now: WallTime) -> BudgetStats {
    var current = self
    current.turn(to: now)
    let spent = current.settled + current.sent + (current.fleet?.share?.claimedByOthers ?? .zero)
    return BudgetStats(
      owner: owner, limit: limit, requests: Int(clamping: spent.requests), money: MicroUSD(Int64(clamping: spent.money)),
      requestsLeft: limit.requests.map { Int(clamping: max(0, Int128($0) - spent.requests)) },
      moneyLeft: limit.money.map { MicroUSD(Int64(clamping: max(0, Int128($0.amount) - spent.money))) },
      renewsAt: current.renewal(now))
  }

  // MARK: Fleet

  /// Whether a request waits for a larger allowance.
  package var isWaiting: Bool { fleet?.isWaiting ?? false }

  /// What to tell the fleet; nil where there is none, or no news. Lowers the allowance to what is needed and the spare part, so that the rest can be
  /// the others'.
  /// - Parameter all: whether the fleet wants to hear of all that was used, news or not.
  package mutating func claim(all: Bool, now: WallTime) -> BudgetClaim? {
    turn(to: now)
    let report = BudgetInFleet.Report(settled: settled, used: used)
    guard let period = calendarPeriod, var fleet, fleet.isNews(report, all: all) else { return nil }
    let isWaiting = fleet.isWaiting
    let needed = fleet.tell(report)
    self.fleet = fleet
    return BudgetClaim(
      owner: owner, limit: limit, period: period, starts: beginning(now), ends: renewal(now), settled: settled, used: used, needed: needed,
      allowance: fleet.allowance, claimedByAbsent: fleet.claimedByAbsent, isWaiting: isWaiting)
  }

  /// What the fleet says, of the period that it was asked about.
  package mutating func learn(_ share: BudgetShare, now: WallTime) {
    turn(to: now)
    if share.period == calendarPeriod { fleet?.learn(share) }
  }

  package mutating func contact(_ contact: FleetContact) { fleet?.contact = contact }

  // MARK: Sentences

  private mutating func refusal(_ error: CallError) -> BudgetDecision {
    if error.retryAfter != nil { hasRefused = true }
    var error = error
    error.forbidsStale = limit.atLimit == .stop
    return .refused(error)
  }

  private var subject: String {
    switch owner {
    case .provider: "The provider's budget"
    case .tenant: "Your team's budget for this provider"
    }
  }

  private func overBudget(requests: Int128, of most: Int128, _ now: WallTime) -> CallError {
    let budget = "\(subject) of \(most) requests a \(limit.period.rawValue)"
    if requests > most { return CallError(.overBudget, "\(budget) is less than the \(requests) that the call may need; ask for less") }
    let left = max(0, most - settledByAll.requests)
    return spent(left == 0 ? "\(budget) is spent" : "\(budget) has \(left) left and the call may need \(requests)", now)
  }

  private func overBudget(money: Int128, of most: Int128, _ now: WallTime) -> CallError {
    let budget = "\(subject) of \(dollars(most)) USD a \(limit.period.rawValue)"
    if money > most { return CallError(.overBudget, "\(budget) is less than the \(dollars(money)) USD that the call may cost; ask for less") }
    let left = max(0, most - settledByAll.money)
    return spent(left == 0 ? "\(budget) is spent" : "\(budget) has \(dollars(left)) USD left and the call may cost \(dollars(money))", now)
  }

  private func spent(_ what: String, _ now: WallTime) -> CallError {
    let renewsAt = renewal(now)
    return CallError(.overBudget, "\(what); it renews at \(CivilDate(renewsAt).text) 00:00 UTC", retryAfter: renewsAt - now)
  }

  /// Nothing is known to be spent: a stale answer is better than this.
  private var unreachable: CallError {
    let message = "\(subject) is shared through Redis, which does not answer, and what this replica may spend without it is spent"
    return CallError(.overBudget, message, retryAfter: .seconds(10))
  }

  private func dollars(_ money: Int128) -> Double { MicroUSD(Int64(clamping: money)).dollars }

  // MARK: Calendar

  /// A new period begins at zero. A clock that goes back keeps what was counted: the money is spent.
  private mutating func turn(to now: WallTime) {
    let current = number(of: now)
    if let calendarPeriod, current > calendarPeriod {
      epoch += 1
      settled = .zero
      sent = .zero
      hasRefused = false
      told = nil
      fleet?.turn()
    }
    calendarPeriod = current
  }

  private func number(of time: WallTime) -> Int {
    let date = CivilDate(time)
    guard limit.period == .month else { return date.days }
    let (year, month, _) = date.components
    return year * 12 + month - 1
  }

  private func beginning(_ now: WallTime) -> WallTime {
    let today = CivilDate(now)
    return (limit.period == .month ? today + (1 - today.components.day) : today).start
  }

  private func renewal(_ now: WallTime) -> WallTime {
    let today = CivilDate(now)
    return (limit.period == .month ? today.firstOfNextMonth : today + 1).start
  }
}
