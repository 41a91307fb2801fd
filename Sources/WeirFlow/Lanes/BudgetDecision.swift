package import WeirCore

/// Whether a budget has room.
package enum BudgetDecision: Sendable, Equatable {
  case granted
  /// Not now: what is under way may need the rest. Its settlement decides.
  case pending
  /// Not in this period, or never.
  case refused(CallError)

  package var refusal: CallError? {
    if case .refused(let error) = self { return error }
    return nil
  }
}
