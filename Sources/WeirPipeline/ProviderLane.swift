package import WeirBilling
package import WeirCore
package import WeirFlow
internal import WeirTenancy

/// A provider's lane with what its requests cost.
package struct ProviderLane: Sendable {
  package let lane: Lane
  package let price: MicroUSD
  /// How large a merged request may become; nil: every call is asked alone.
  package let merging: MergeLimits?
  /// How long a call that can merge waits for company.
  package let linger: Duration

  package static let defaultLinger: Duration = .milliseconds(15)

  package init(lane: Lane, price: MicroUSD, merging: MergeLimits? = MergeLimits(), linger: Duration = Self.defaultLinger) {
    self.lane = lane
    self.price = price
    self.merging = merging
    self.linger = linger
  }

  /// The price of so many requests; saturates.
  func price(of requests: Int) -> MicroUSD {
    let (amount, overflow) = price.amount.multipliedReportingOverflow(by: Int64(requests))
    return MicroUSD(overflow ? .max : amount)
  }

  func acquire(tenant: Name, requests: Int, deadline: Moment) async throws(CallError) -> LanePermit {
    try await lane.acquire(request(tenant, requests: requests, deadline: deadline))
  }

  /// A request without company.
  func request(_ tenant: Name, requests: Int, deadline: Moment) -> LaneRequest {
    LaneRequest(tenant: tenant, cost: requests, price: price(of: requests), deadline: deadline)
  }

  /// Leaves with others where there are any.
  func leave(_ companion: Companion, deadline: Moment) async throws(CallError) -> LaneLeave {
    let requests = companion.outgoing.requests
    return try await lane.leave(
      LaneRequest(
        tenant: companion.outgoing.permitted.caller.tenant, cost: requests, price: price(of: requests), deadline: deadline, company: companion,
        linger: linger))
  }
}
