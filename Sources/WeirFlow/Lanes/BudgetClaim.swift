package import WeirCore

/// What one replica of a fleet has used of one budget and wants to use.
package struct BudgetClaim: Sendable, Equatable {
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
  package let claimedByOthers: BudgetAmount
  package let isWaiting: Bool
}
