/// What single flight does and did. Totals count since the process started.
package struct FlightStats: Sendable, Equatable {
  /// Flights that can be joined now.
  package var flights = 0
  /// Callers that wait now.
  package var waiters = 0
  /// Fetches that have not returned, among them those that nobody waits for any more.
  package var tasks = 0
  /// Callers that started a flight.
  package var led = 0
  /// Callers that joined one.
  package var joined = 0
  /// Flights that started without a caller, to refresh an entry.
  package var refreshed = 0
  /// Flights cancelled before dispatch because their last waiter left.
  package var abandoned = 0
  /// Callers that went away while waiting.
  package var left = 0
  /// Callers whose own deadline passed while their flight went on.
  package var waitersTimedOut = 0
  /// Flights ended by the flight limit.
  package var flightsTimedOut = 0
  /// Callers turned away because a bound was reached.
  package var refused = 0

  package init() {}
}
