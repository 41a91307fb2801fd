/// What a fleet says of one budget to one of its replicas.
package struct BudgetShare: Sendable, Equatable {
  /// Which of the lane's budgets it is about, as in `BudgetClaim`.
  package let index: Int
  /// The calendar period that it is about, as in `BudgetClaim`.
  package let period: Int
  /// What this replica may have used in all; nobody else spends it.
  package let allowance: BudgetAmount
  /// How much of it is more than it needed, so that the next requests need not ask.
  package let spare: BudgetAmount
  /// What the others have settled.
  package let settledByOthers: BudgetAmount
  /// What the others may have used: settled, under way, or spare.
  package let claimedByOthers: BudgetAmount
  /// The part of it of those who have not been heard lately.
  package let claimedByAbsent: BudgetAmount

  package init(
    index: Int, period: Int, allowance: BudgetAmount, spare: BudgetAmount, settledByOthers: BudgetAmount, claimedByOthers: BudgetAmount,
    claimedByAbsent: BudgetAmount
  ) {
    self.index = index
    self.claimedByAbsent = claimedByAbsent
    self.period = period
    self.allowance = allowance
    self.spare = spare
    self.settledByOthers = settledByOthers
    self.claimedByOthers = claimedByOthers
  }
}
