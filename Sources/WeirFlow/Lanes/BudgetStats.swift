package import WeirCore

/// What is used of a budget in the period that runs.
package struct BudgetStats: Sendable, Equatable {
  package let owner: BudgetOwner
  package let limit: BudgetLimit
  /// Used: what is settled, and the estimates of what is under way.
  package let requests: Int
  package let money: MicroUSD
  /// Nil where requests have no limit.
  package let requestsLeft: Int?
  /// Nil where money has no limit.
  package let moneyLeft: MicroUSD?
  package let renewsAt: WallTime
}
