package import WeirCore

/// Whom a budget holds for.
package enum BudgetOwner: Hashable, Sendable {
  /// All requests to the provider.
  case provider
  /// Those in which this tenant went first. One that was taken along by another's costs its tenant nothing.
  case tenant(Name)
}
