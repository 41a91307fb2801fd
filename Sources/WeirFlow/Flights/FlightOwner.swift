internal import WeirCore

/// The side of `Flights` that a handle talks to, free of its type parameters.
protocol FlightOwner: Sendable {
  func waitersDeadline(of id: FlightID) -> Moment?
  func markDispatched(_ id: FlightID) -> Bool
  func report(_ progress: CallProgress, by id: FlightID)
}
