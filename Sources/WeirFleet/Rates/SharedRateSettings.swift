package import WeirFlow

/// How a provider's rate is shared.
package struct SharedRateSettings: Sendable {
  /// All of them hold at once, over all replicas. None: no limit, but pauses are shared.
  package var limits: [RateLimit]
  package var withoutRedis: WithoutRedis
  package var maximumPause: Duration
  package var firstBackoff: Duration

  package init(
    limits: [RateLimit], withoutRedis: WithoutRedis = .degraded, maximumPause: Duration = .seconds(300), firstBackoff: Duration = .seconds(1)
  ) {
    self.limits = limits
    self.withoutRedis = withoutRedis
    self.maximumPause = max(.zero, maximumPause)
    self.firstBackoff = min(max(.milliseconds(1), firstBackoff), self.maximumPause)
  }
}
