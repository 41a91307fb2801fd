package import WeirCore

/// A provider's lane, as the operator configures it.
package struct LaneConfiguration: Sendable {
  /// All of them are kept at once. None: no rate limit.
  package var limits: [RateLimit]
  /// Requests at the provider at the same time; at least 1.
  package var concurrency: Int
  /// How many of them may be one tenant's. Less than `concurrency` keeps room for the others, whose calls would else wait behind a tenant
  /// whose calls hang.
  package var tenantConcurrency: Int
  /// All of them are kept. None: no budget.
  package var budgets: [BudgetLimit]
  /// What tenants may spend at this provider, beside `budgets`, which hold for them too.
  package var tenantBudgets: [Name: [BudgetLimit]]
  /// Requests that may wait, in all; those that linger too.
  package var queueLimit: Int
  /// Requests of one tenant that may wait.
  package var tenantQueueLimit: Int
  /// Turns that a tenant gets in a round, 1 to 1000; 1 where it is not named.
  package var weights: [Name: Int]
  /// What a provider's `Retry-After` is cut to: nobody stops a lane for a day.
  package var maximumPause: Duration
  /// The pause after a refusal without `Retry-After`; doubled with each in a row, up to `maximumPause`.
  package var firstBackoff: Duration
  /// Whether a fleet spends the budgets together: then the lane grants what `Lane.learn` allows.
  package var sharesBudgets = false

  package init(
    limits: [RateLimit] = [], concurrency: Int = 16, tenantConcurrency: Int? = nil, budgets: [BudgetLimit] = [],
    tenantBudgets: [Name: [BudgetLimit]] = [:], queueLimit: Int = 2048, tenantQueueLimit: Int = 512,
    weights: [Name: Int] = [:], maximumPause: Duration = .seconds(300), firstBackoff: Duration = .seconds(1)
  ) {
    self.limits = limits
    self.concurrency = max(1, concurrency)
    self.tenantConcurrency = min(max(1, tenantConcurrency ?? concurrency), max(1, concurrency))
    self.budgets = budgets
    self.tenantBudgets = tenantBudgets
    self.queueLimit = max(1, queueLimit)
    self.tenantQueueLimit = max(1, tenantQueueLimit)
    self.weights = weights
    self.maximumPause = maximumPause
    self.firstBackoff = firstBackoff
  }
}
