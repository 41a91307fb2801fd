package import WeirCore

/// What the shell of a lane has to do.
package enum LaneAction: Sendable, Equatable {
  /// Let the request go, with its party where it has one; it holds a permit and tokens until it is released.
  case grant(WaiterID, waited: Duration, with: LaneParty?)
  /// Tell the request that another one takes it along. Follows the `grant` of that one.
  case carry(WaiterID, waited: Duration)
  case refuse(WaiterID, CallError)
  /// Call `timer` at this moment, or earlier.
  case setTimer(Moment)
  /// Tell the operator what becomes of a budget.
  case report(BudgetNotice)
  /// Ask the fleet for more of its budgets: a request waits for it.
  case claim
}
