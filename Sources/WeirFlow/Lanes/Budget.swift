package import WeirCore

/// Counts what is spent per calendar period. What is let through is set aside at once and counted when it leaves.
package struct Budget: Sendable {
  private let limit: BudgetLimit
  private var period: Int?
  private var requests = 0
  private var money = MicroUSD.zero
  private var reservedRequests = 0
  private var reservedMoney = MicroUSD.zero

  package init(_ limit: BudgetLimit) {
    self.limit = limit
  }

  /// Sets one request of this price aside. - Returns: nil, or why not and when the budget renews.
  package mutating func reserve(_ price: MicroUSD, now: WallTime) -> CallError? {
    if let refusal = refusal(price, now: now) { return refusal }
    reservedRequests += 1
    reservedMoney = reservedMoney + price
    return nil
  }

  /// Why a request of this price would be refused now, or nil.
  package mutating func refusal(_ price: MicroUSD, now: WallTime) -> CallError? {
    turn(to: now)
    if let most = limit.requests, requests + reservedRequests >= most {
      return overBudget("\(most) requests a \(limit.period.rawValue)", now)
    }
    if let most = limit.money, price > .zero, money + reservedMoney + price > most {
      return overBudget("\(most.dollars) USD a \(limit.period.rawValue)", now)
    }
    return nil
  }

  /// The request leaves now.
  package mutating func commit(_ price: MicroUSD, now: WallTime) {
    turn(to: now)
    cancel(price)
    requests += 1
    money = money + price
  }

  /// The request does not leave.
  package mutating func cancel(_ price: MicroUSD) {
    reservedRequests = max(0, reservedRequests - 1)
    reservedMoney = max(.zero, reservedMoney - price)
  }

  package func stats(now: WallTime) -> BudgetStats {
    var current = self
    current.turn(to: now)
    return BudgetStats(
      limit: limit, requests: current.requests, money: current.money,
      requestsLeft: limit.requests.map { max(0, $0 - current.requests) },
      moneyLeft: limit.money.map { max(.zero, $0 - current.money) },
      renewsAt: current.renewal(now))
  }

  private func overBudget(_ what: String, _ now: WallTime) -> CallError {
    let renewsAt = renewal(now)
    let wait = renewsAt - now
    let date = CivilDate(renewsAt).text
    return CallError(
      .overBudget, "The provider's budget of \(what) is spent; it renews at \(date) 00:00 UTC, in \(wait.inWords).", retryAfter: wait)
  }

  /// A new period begins at zero. A clock that goes back keeps what was counted: the money is spent.
  private mutating func turn(to now: WallTime) {
    let current = number(of: now)
    if let period, current > period {
      requests = 0
      money = .zero
    }
    period = current
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
