package import WeirCore

/// Leave to send one request to the lane's provider. It cannot be copied; one that is dropped without a word counts as failed if it was
/// marked sent, as never sent otherwise. Whoever holds it answers for its company, which was told that it is carried, also where nothing is
/// sent.
package struct LanePermit: ~Copyable, Sendable {
  /// Those that leave with it, in the order in which the batch admitted them, without the head itself.
  package let company: [any LaneCompanion]
  /// The head and its company; nil where there is none.
  package let batch: (any LaneBatch)?
  private let lane: Lane
  private let id: WaiterID
  private var isSent = false
  private var isReleased = false

  init(lane: Lane, id: WaiterID, party: LaneParty?) {
    self.lane = lane
    self.id = id
    self.company = party?.members.map(\.companion) ?? []
    self.batch = party?.batch
  }

  /// To be called right before the request leaves: the estimate is spent now, of the rate limit and of the budgets, and the time to its
  /// answer counts from now.
  package mutating func markSent() {
    isSent = true
    lane.sent(id)
  }

  /// Gives the permit back, and replaces the estimate by what the request really took. Any outcome but `notSent` says that the request
  /// left, also without `markSent`.
  package consuming func release(_ outcome: LaneOutcome) {
    isReleased = true
    lane.release(id, outcome)
  }

  /// Gives the permit back before the answer is there, as of a request that took so many at this price: the upstream waits for a person.
  /// `release` says nothing more then.
  package func earlyRelease(requests: Int, price: MicroUSD) -> @Sendable () -> Void {
    { [lane, id] in lane.release(id, .answered(requests: requests, price: price)) }
  }

  deinit {
    if !isReleased { lane.release(id, isSent ? .failed : .notSent) }
  }
}
