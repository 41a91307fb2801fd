package import WeirCore

/// What a lane has to know of a request that wants to go to its provider.
package struct LaneRequest: Sendable {
  /// Whose turn it uses.
  package let tenant: Name
  /// How many requests the provider will probably get, at least 1: that many tokens of its rate limit, and of budgets of requests.
  package let cost: Int
  /// What the provider will probably charge for all of them; counted against budgets of money.
  package let price: MicroUSD
  /// When an answer stops being useful.
  package let deadline: Moment
  /// With what it could leave together with others; nil: always by itself.
  package let company: (any LaneCompanion)?
  /// How long it waits for company before it queues. Cut where the deadline leaves less time than an answer takes; none without `company`.
  package let linger: Duration

  package init(
    tenant: Name, cost: Int = 1, price: MicroUSD = .zero, deadline: Moment, company: (any LaneCompanion)? = nil, linger: Duration = .zero
  ) {
    self.tenant = tenant
    self.cost = max(1, cost)
    self.price = max(.zero, price)
    self.deadline = deadline
    self.company = company
    self.linger = company == nil ? .zero : max(.zero, linger)
  }

  /// The same request, by itself.
  var alone: LaneRequest { LaneRequest(tenant: tenant, cost: cost, price: price, deadline: deadline) }

  /// What is set aside of a budget.
  package var estimate: BudgetAmount { BudgetAmount(requests: cost, price: price) }
}
