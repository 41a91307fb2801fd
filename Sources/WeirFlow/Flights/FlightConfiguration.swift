/// Bounds of single flight.
package struct FlightConfiguration: Sendable {
  /// How many fetches may be under way, counting those that ignore their cancellation. Above: `overloaded`.
  package var maximumFlights: Int
  /// How many callers may wait for one flight. Above: `overloaded`.
  package var maximumWaiters: Int
  /// How long a flight may last: then its fetch is cancelled, its key is free and its waiters fail with `timedOut`.
  package var flightLimit: Duration

  package init(maximumFlights: Int = 4096, maximumWaiters: Int = 10_000, flightLimit: Duration = .seconds(120)) {
    self.maximumFlights = maximumFlights
    self.maximumWaiters = maximumWaiters
    self.flightLimit = flightLimit
  }
}
