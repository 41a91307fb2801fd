/// What becomes of a provider's rate limit and budgets while Redis, through which replicas share them, does not answer.
package enum WithoutRedis: String, Sendable, CaseIterable {
  /// Each replica keeps to its part: 80 % of the rate and the burst divided by the replicas that were there last, and what it had claimed of the
  /// budgets. Together they stay within both.
  case degraded
  /// Each replica uses the whole limit and the whole budget.
  case open
  /// Nothing is sent. Answers that are kept are given, stale ones too.
  case closed
}
