package import WeirCore

/// How much may be asked of a provider per calendar day or month, in UTC: requests, money, or both.
package struct BudgetLimit: Hashable, Sendable {
  package enum Period: String, Hashable, Sendable, CaseIterable {
    case day
    case month
  }

  /// What becomes of a call for which nothing is left. Nothing is sent either way.
  package enum AtLimit: String, Hashable, Sendable, CaseIterable {
    /// It is answered with the last answer, marked stale, where there is one.
    case serveStale = "stale"
    /// It is refused, whatever answers there are that went stale.
    case stop
  }

  package let period: Period
  package let requests: Int?
  package let money: MicroUSD?
  package let atLimit: AtLimit

  package init(per period: Period, requests: Int? = nil, money: MicroUSD? = nil, atLimit: AtLimit = .serveStale) {
    self.period = period
    self.requests = requests
    self.money = money
    self.atLimit = atLimit
  }
}
