/// How a provider's rate is shared. Totals count since the process started.
package struct SharedRateStats: Sendable, Equatable {
  /// Whether this replica lives without Redis now.
  package let isAlone: Bool
  /// How often Redis was lost.
  package let losses: Int
  /// Calls to Redis.
  package let calls: Int
  /// Tokens that were taken and not used in time.
  package let stranded: Int
}
