package import WeirCore

/// Whether tokens are there.
package enum RateDecision: Sendable, Equatable {
  /// Set aside. `commit` when the request leaves, `cancel` when it does not.
  case granted
  /// Not before `until`. Nil where the limiter cannot know: its owner then calls `Lane.poke()` when tokens have come.
  case delayed(until: Moment?)
  /// Not at all, as things are.
  case refused(CallError)
}
