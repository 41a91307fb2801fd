import Testing
import WeirCore
import WeirFlow

private typealias Table = FlightTable<String, String, Int>

@Suite("FlightTable")
struct FlightTableTests {
  private let now = Moment.seconds(10)
  private let far = Moment.seconds(1000)

  private func table(_ configuration: FlightConfiguration = FlightConfiguration()) -> Table { Table(configuration: configuration) }

  private func lead(_ table: inout Table, _ key: String = "a", deadline: Moment? = nil) throws -> (FlightID, WaiterID) {
    guard case .led(let flight, let waiter, _) = table.join(key, deadline: deadline ?? far, now: now) else {
      throw CallError(.internalFault, "expected to lead")
    }
    return (flight, waiter)
  }

  @Test("an answer that comes before the caller has parked is kept for it")
  func finishedBeforeParked() throws {
    var table = table()
    let (flight, waiter) = try lead(&table)
    #expect(table.finish(flight, 1).isEmpty)
    #expect(table.park(waiter, "w") == 1)
    table.taskEnded(flight)
    #expect(table.isEmpty)
  }

  @Test("a cancellation that comes before the caller has parked is kept for it")
  func cancelledBeforeParked() throws {
    var table = table()
    let (flight, waiter) = try lead(&table)
    let ending = table.leave(waiter, -1)
    #expect(ending.resumptions.isEmpty)
    #expect(ending.cancelled == [flight])
    #expect(table.park(waiter, "w") == -1)
  }

  @Test("whoever settles second changes nothing: leaving after the answer, answering after leaving, leaving twice")
  func settledOnce() throws {
    var table = table()
    let (flight, waiter) = try lead(&table)
    #expect(table.park(waiter, "w") == nil)
    #expect(table.finish(flight, 1) == ["w"])
    #expect(table.leave(waiter, -1).resumptions.isEmpty)
    #expect(table.finish(flight, 2).isEmpty)

    let (second, other) = try lead(&table)
    #expect(table.park(other, "o") == nil)
    #expect(table.leave(other, -1).resumptions.map(\.waiter) == ["o"])
    #expect(table.leave(other, -1).resumptions.isEmpty)
    #expect(table.finish(second, 3).isEmpty)
  }

  @Test("the late end of an old flight does not remove the new one of the same key")
  func identity() throws {
    var table = table()
    let (old, waiter) = try lead(&table)
    _ = table.leave(waiter, -1)
    let (new, next) = try lead(&table)
    #expect(old != new)
    #expect(table.park(next, "n") == nil)
    #expect(table.finish(old, 1).isEmpty)
    #expect(table.isLive(new))
    _ = table.join("a", deadline: far, now: now)
    #expect(table.stats.joined == 1)
    #expect(table.finish(new, 2) == ["n"])
  }

  @Test("an abandoned flight may not be dispatched; one that was dispatched is not abandoned")
  func dispatch() throws {
    var table = table()
    let (abandoned, first) = try lead(&table)
    #expect(table.leave(first, -1).cancelled == [abandoned])
    let late = table.markDispatched(abandoned)
    #expect(!late)

    let (sent, second) = try lead(&table)
    let early = table.markDispatched(sent)
    #expect(early)
    #expect(table.leave(second, -1).cancelled.isEmpty)
    #expect(table.isLive(sent))
  }

  @Test("the last waiter's time-out counts as leaving: before dispatch the flight goes with it")
  func lastTimesOut() throws {
    var table = table()
    let (flight, waiter) = try lead(&table, deadline: now + .seconds(1))
    #expect(table.park(waiter, "w") == nil)
    #expect(table.nextDeadline == now + .seconds(1))
    #expect(table.expire(now: now, waiter: -2, flight: -3).resumptions.isEmpty)
    let ending = table.expire(now: now + .seconds(1), waiter: -2, flight: -3)
    #expect(ending.resumptions.map(\.outcome) == [-2])
    #expect(ending.cancelled == [flight])
  }

  @Test("the flight limit ends flights even where the waiters have more time, and counts them")
  func limit() throws {
    var table = table(FlightConfiguration(flightLimit: .seconds(5)))
    let (flight, waiter) = try lead(&table)
    #expect(table.park(waiter, "w") == nil)
    let ending = table.expire(now: now + .seconds(5), waiter: -2, flight: -3)
    #expect(ending.resumptions.map(\.outcome) == [-3])
    #expect(ending.cancelled == [flight])
    #expect(table.stats.flightsTimedOut == 1)
    #expect(table.stats.tasks == 1)
  }

  @Test("a queue is asked with the deadline of the most patient waiter, never later than the flight's own")
  func waitersDeadline() throws {
    var table = table(FlightConfiguration(flightLimit: .seconds(60)))
    let (flight, _) = try lead(&table, deadline: now + .seconds(5))
    #expect(table.waitersDeadline(of: flight) == now + .seconds(5))
    _ = table.join("a", deadline: now + .seconds(20), now: now)
    #expect(table.waitersDeadline(of: flight) == now + .seconds(20))
    _ = table.join("a", deadline: far, now: now)
    #expect(table.waitersDeadline(of: flight) == now + .seconds(60))
  }

  @Test("fetches that ignore their cancellation count against the bound until they return")
  func zombies() throws {
    var table = table(FlightConfiguration(maximumFlights: 1))
    let (flight, waiter) = try lead(&table)
    _ = table.leave(waiter, -1)
    guard case .refused(let error) = table.join("b", deadline: far, now: now) else {
      Issue.record("expected a refusal")
      return
    }
    #expect(error.reason == .overloaded)
    table.taskEnded(flight)
    _ = try lead(&table, "b")
  }
}
