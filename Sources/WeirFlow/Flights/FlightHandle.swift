package import WeirCore

/// What the fetch of a flight may ask of it and tell it. Calls after the end of the flight are allowed and do nothing.
package struct FlightHandle: Sendable {
  /// The hard deadline: the fetch is cancelled then, and its result thrown away.
  package let deadline: Moment
  private let id: FlightID
  private let owner: any FlightOwner

  init(id: FlightID, deadline: Moment, owner: any FlightOwner) {
    self.id = id
    self.deadline = deadline
    self.owner = owner
  }

  /// The latest deadline of those who wait now, at most `deadline`; `deadline` itself for a refresh. What a queue should be asked with: no
  /// caller gets anything from an answer that comes later.
  package var waitersDeadline: Moment { owner.waitersDeadline(of: id) ?? deadline }

  /// To be called right before the request leaves, when money is about to be spent: from now on the flight ends with its answer, even if
  /// everybody leaves. - Returns: false where the flight was abandoned before; the request must then not be sent.
  package func markDispatched() -> Bool { owner.markDispatched(id) }

  /// Passes a progress report on to everybody who waits now. Whoever joins later does not get it. One call at a time keeps the order.
  package func report(_ progress: CallProgress) { owner.report(progress, by: id) }
}
