import Testing
import WeirCore
import WeirFlow
import WeirTestSupport

typealias StringFlights = Flights<String, Int>

/// A running table of flights on a manual clock.
struct RunningFlights {
  let time = ManualTime()
  let flights: StringFlights
  private let run: Task<Void, Never>

  init(_ configuration: FlightConfiguration = FlightConfiguration()) async {
    let flights = StringFlights(configuration: configuration, time: time)
    self.flights = flights
    self.run = Task { await flights.run() }
    await flights.started()
  }

  /// Ends it and expects that nothing is left behind.
  func end() async {
    run.cancel()
    await run.value
    #expect(flights.isEmpty)
  }
}
