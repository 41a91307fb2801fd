package import WeirCore
package import WeirFlow

/// A provider's lane with what its requests cost.
package struct ProviderLane: Sendable {
  package let lane: Lane
  package let price: MicroUSD

  package init(lane: Lane, price: MicroUSD) {
    self.lane = lane
    self.price = price
  }

  /// The price of so many requests; saturates.
  func price(of requests: Int) -> MicroUSD {
    let (amount, overflow) = price.amount.multipliedReportingOverflow(by: Int64(requests))
    return MicroUSD(overflow ? .max : amount)
  }

  func acquire(tenant: Name, requests: Int, deadline: Moment) async throws(CallError) -> LanePermit {
    try await lane.acquire(LaneRequest(tenant: tenant, cost: requests, price: price(of: requests), deadline: deadline))
  }
}
