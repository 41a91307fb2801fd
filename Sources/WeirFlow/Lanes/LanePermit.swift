/// Leave to send one request to the lane's provider. It cannot be copied; one that is dropped without a word counts as failed if it was
/// marked sent, as never sent otherwise.
package struct LanePermit: ~Copyable, Sendable {
  private let lane: Lane
  private let id: WaiterID
  private var isSent = false
  private var isReleased = false

  init(lane: Lane, id: WaiterID) {
    self.lane = lane
    self.id = id
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

  deinit {
    if !isReleased { lane.release(id, isSent ? .failed : .notSent) }
  }
}
