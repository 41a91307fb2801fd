package import WeirCore

/// What one replica of a fleet has used of one budget and wants to use.
package struct BudgetClaim: Sendable, Equatable {
  /// Which of the lane's budgets it is, in the order of its stats.
  package internal(set) var index = 0
  package let owner: BudgetOwner
  package let limit: BudgetLimit
  /// The number of the calendar period, growing with time.
  package let period: Int
  package let starts: WallTime
  package let ends: WallTime
  package let settled: BudgetAmount
  /// Settled, and the estimates of all that is under way.
  package let used: BudgetAmount
  /// Used, and what the next request wants.
  package let needed: BudgetAmount
  /// What it may use until it hears more. It has been lowered to what is needed and spare, so that the rest is the others'.
  package let allowance: BudgetAmount
  /// The most that those who were not heard any more had claimed, as far as this replica knows. A Redis that forgot hears it from nobody else.
  package let claimedByAbsent: BudgetAmount
  /// Whether a request waits for it.
  package let isWaiting: Bool
}
