package import WeirCore

/// How much may be asked of a provider per calendar day or month, in UTC: requests, money, or both.
package struct BudgetLimit: Hashable, Sendable {
  package enum Period: String, Hashable, Sendable, CaseIterable {
    case day
    case month
  }

  package let period: Period
  package let requests: Int?
  package let money: MicroUSD?

  package init(per period: Period, requests: Int? = nil, money: MicroUSD? = nil) {
    self.period = period
    self.requests = requests
    self.money = money
  }
}
