package import WeirCore

/// Counts what is spent per calendar period: an estimate is set aside when a request is let through, counts as spent from when the request
/// leaves, and is replaced by what it really was when that is known.
///
/// What is set aside and what is spent never exceed the limit together. Only a settlement may: what was spent was spent, and the next
/// request is refused. All sums are exact.
package struct Budget: Sendable {
  private let limit: BudgetLimit
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

  package init(_ limit: BudgetLimit, of owner: BudgetOwner = .provider) {
    self.limit = limit
    self.owner = owner
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
    if let most = limit.requests.map({ Int128($0) }), settled.requests + estimate.requests > most {
      return refusal(overBudget(requests: estimate.requests, of: most, now))
    }
    // What costs nothing needs no money.
    let most = estimate.money > 0 ? limit.money.map { Int128($0.amount) } : nil
    if let most, settled.money + estimate.money > most { return refusal(overBudget(money: estimate.money, of: most, now)) }
    let total = settled + sent + reserved + estimate
    if let most = limit.requests, total.requests > Int128(most) { return .pending }
    if let most, total.money > most { return .pending }
    return .granted
  }

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
    let counts = [(settled.requests, limit.requests.map { Int128($0) }), (settled.money, limit.money.map { Int128($0.amount) })]
    let limited = counts.compactMap { used, most in most.map { (used, $0) } }
    if hasRefused || limited.contains(where: { used, most in used >= most }) { return .spent }
    return limited.contains { used, most in used * 5 >= most * 4 } ? .warning : nil
  }

  package func stats(now: WallTime) -> BudgetStats {
    var current = self
    current.turn(to: now)
    let spent = current.settled + current.sent
    return BudgetStats(
      owner: owner, limit: limit, requests: Int(clamping: spent.requests), money: MicroUSD(Int64(clamping: spent.money)),
      requestsLeft: limit.requests.map { Int(clamping: max(0, Int128($0) - spent.requests)) },
      moneyLeft: limit.money.map { MicroUSD(Int64(clamping: max(0, Int128($0.amount) - spent.money))) },
      renewsAt: current.renewal(now))
  }

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
    let left = max(0, most - settled.requests)
    return spent(left == 0 ? "\(budget) is spent" : "\(budget) has \(left) left and the call may need \(requests)", now)
  }

  private func overBudget(money: Int128, of most: Int128, _ now: WallTime) -> CallError {
    let budget = "\(subject) of \(dollars(most)) USD a \(limit.period.rawValue)"
    if money > most { return CallError(.overBudget, "\(budget) is less than the \(dollars(money)) USD that the call may cost; ask for less") }
    let left = max(0, most - settled.money)
    return spent(left == 0 ? "\(budget) is spent" : "\(budget) has \(dollars(left)) USD left and the call may cost \(dollars(money))", now)
  }

  private func spent(_ what: String, _ now: WallTime) -> CallError {
    let renewsAt = renewal(now)
    return CallError(.overBudget, "\(what); it renews at \(CivilDate(renewsAt).text) 00:00 UTC", retryAfter: renewsAt - now)
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
    }
    calendarPeriod = current
  }

  private func number(of time: WallTime) -> Int {
    let date = CivilDate(time)
    guard limit.period == .month else { return date.days }
    let (year, month, _) = date.components
    return year * 12 + month - 1
  }

  private func renewal(_ now: WallTime) -> WallTime {
    let today = CivilDate(now)
    return (limit.period == .month ? today.firstOfNextMonth : today + 1).start
  }
}
