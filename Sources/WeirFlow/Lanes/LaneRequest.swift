package import WeirCore

/// What a lane has to know of a request that wants to go to its provider.
package struct LaneRequest: Sendable, Equatable {
  /// Whose turn it uses.
  package let tenant: Name
  /// Tokens of the provider's rate limit, at least 1.
  package let cost: Int
  /// What the provider charges for it; counted against money budgets.
  package let price: MicroUSD
  /// When an answer stops being useful.
  package let deadline: Moment

  package init(tenant: Name, cost: Int = 1, price: MicroUSD = .zero, deadline: Moment) {
    self.tenant = tenant
    self.cost = max(1, cost)
    self.price = max(.zero, price)
    self.deadline = deadline
  }
}
