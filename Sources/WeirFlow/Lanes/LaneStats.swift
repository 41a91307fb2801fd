package import WeirCore

/// What a lane does and did. Totals count since the process started.
package struct LaneStats: Sendable, Equatable {
  /// Requests that wait, in all and per tenant; those that linger too.
  package var depth = 0
  package var depthByTenant: [Name: Int] = [:]
  package var permitsInUse = 0
  package var concurrency = 0
  /// Tokens available per window.
  package var windows: [RateWindow] = []
  /// Until when the provider asked for silence.
  package var pausedUntil: Moment?
  /// How many times slower than configured requests leave now; 1 is full speed.
  package var slowdown = 1.0
  package var budgets: [BudgetStats] = []
  /// A moving average over the answers; nil before the first.
  package var typicalLatency: Duration?
  /// Requests let through.
  package var granted = 0
  /// Requests that another one took along.
  package var merged = 0
  /// Requests turned away when they came, or before their turn, since they had no chance.
  package var refused = 0
  /// Requests whose deadline passed while they waited.
  package var expired = 0
  /// Requests whose caller left while they waited.
  package var cancelled = 0
  /// Refusals by the provider.
  package var throttles = 0

  package init() {}
}
