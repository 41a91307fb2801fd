import NIOConcurrencyHelpers
import Testing
import WeirCore
import WeirFlow
import WeirTestSupport

@Suite("Flights", .timeLimit(.minutes(5)))
struct FlightsTests {
  private let far = Moment.seconds(1_000_000)

  @Test("a thousand identical calls at the same time make one fetch, and everybody gets its answer")
  func thousand() async {
    let running = await RunningFlights()
    let flights = running.flights
    let fetches = Counter()
    let gate = Gate()
    let fetch: StringFlights.Fetch = { _ in
      fetches.add()
      await gate.wait()
      return .success(42)
    }
    let calls = (0..<1000).map { _ in Task { [far] in await flights.join("a", deadline: far, fetch: fetch) } }
    await eventually { flights.stats.waiters == 1000 }
    #expect(flights.stats.flights == 1)
    gate.open()
    var roles: [FlightResult<Int>.Role: Int] = [:]
    for call in calls {
      let answer = await call.value
      #expect(answer.result.value == 42)
      roles[answer.role, default: 0] += 1
    }
    #expect(roles[.led] == 1)
    #expect(roles[.joined] == 999)
    #expect(fetches.value == 1)
    #expect(flights.stats.led == 1)
    #expect(flights.stats.joined == 999)
    await running.end()
  }

  @Test("the caller who started a flight leaves first, and the others get the answer")
  func leaderLeaves() async {
    let running = await RunningFlights()
    let flights = running.flights
    let gate = Gate()
    let leader = Task { [far] in
      await flights.join("a", deadline: far) { _ in
        await gate.wait()
        return .success(Task.isCancelled ? -1 : 7)
      }
    }
    await eventually { flights.stats.waiters == 1 }
    let follower = Task { [far] in await flights.join("a", deadline: far) { _ in .success(0) } }
    await eventually { flights.stats.waiters == 2 }
    leader.cancel()
    #expect(await leader.value.result.reason == .cancelled)
    #expect(flights.stats.waiters == 1)
    gate.open()
    let answer = await follower.value
    #expect(answer.result.value == 7)
    #expect(answer.role == .joined)
    await running.end()
  }

  @Test("when all leave before dispatch, the fetch is cancelled and may not be sent any more")
  func allLeaveBeforeDispatch() async {
    let running = await RunningFlights()
    let flights = running.flights
    let (begun, gate) = (Gate(), Gate())
    let sent = Record<Bool>()
    let callers = (0..<3).map { _ in
      Task { [far] in
        await flights.join("a", deadline: far) { handle in
          begun.open()
          await gate.wait()
          await eventually { Task.isCancelled }
          sent.append(handle.markDispatched())
          return .failure(CallError(.cancelled, "gone"))
        }
      }
    }
    await begun.wait()
    await eventually { flights.stats.waiters == 3 }
    for caller in callers { caller.cancel() }
    for caller in callers { #expect(await caller.value.result.reason == .cancelled) }
    #expect(flights.stats.flights == 0)
    #expect(flights.stats.abandoned == 1)
    gate.open()
    await eventually { flights.stats.tasks == 0 }
    #expect(sent.elements == [false])
    await running.end()
  }

  @Test("when all leave after dispatch, the fetch goes on to its end, uncancelled, and can still be joined")
  func allLeaveAfterDispatch() async {
    let running = await RunningFlights()
    let flights = running.flights
    let dispatched = Gate()
    let gate = Gate()
    let stored = Record<Int>()
    let caller = Task { [far] in
      await flights.join("a", deadline: far) { handle in
        #expect(handle.markDispatched())
        dispatched.open()
        await gate.wait()
        #expect(!Task.isCancelled)
        stored.append(5)
        return .success(5)
      }
    }
    await dispatched.wait()
    await eventually { flights.stats.waiters == 1 }
    caller.cancel()
    #expect(await caller.value.result.reason == .cancelled)
    #expect(flights.stats.flights == 1)
    async let late = flights.join("a", deadline: far) { _ in .success(0) }
    await eventually { flights.stats.waiters == 1 }
    gate.open()
    let answer = await late
    #expect(answer.result.value == 5)
    #expect(answer.role == .joined)
    #expect(stored.elements == [5])
    #expect(flights.stats.abandoned == 0)
    await running.end()
  }

  @Test("whoever comes while an abandoned flight is still ending starts a new one")
  func nobodyJoinsADyingFlight() async {
    let running = await RunningFlights()
    let flights = running.flights
    let (begun, gate) = (Gate(), Gate())
    let first = Task { [far] in
      await flights.join("a", deadline: far) { _ in
        begun.open()
        await gate.wait()
        return .success(1)
      }
    }
    await begun.wait()
    first.cancel()
    _ = await first.value
    #expect(flights.stats.tasks == 1)
    let second = await flights.join("a", deadline: far) { _ in .success(2) }
    #expect(second.result.value == 2)
    #expect(second.role == .led)
    gate.open()
    await running.end()
  }

  @Test("a waiter whose deadline passes fails alone, at its deadline, and the flight goes on")
  func ownDeadline() async {
    let running = await RunningFlights()
    let flights = running.flights
    let time = running.time
    let gate = Gate()
    async let patient = flights.join("a", deadline: far) { _ in
      await gate.wait()
      return .success(9)
    }
    await eventually { flights.stats.waiters == 1 }
    async let hasty = flights.join("a", deadline: time.now() + .milliseconds(50)) { _ in .success(0) }
    await eventually { flights.stats.waiters == 2 }
    time.advance(by: .milliseconds(49))
    for _ in 0..<50 { await Task.yield() }
    #expect(flights.stats.waiters == 2)
    time.advance(by: .milliseconds(1))
    #expect(await hasty.result.reason == .timedOut)
    #expect(flights.stats.waiters == 1)
    #expect(flights.stats.waitersTimedOut == 1)
    gate.open()
    #expect(await patient.result.value == 9)
    await running.end()
  }

  @Test("a fetch that never answers and ignores its cancellation loses its key and its waiters at the flight limit")
  func hardDeadline() async {
    let running = await RunningFlights(FlightConfiguration(flightLimit: .seconds(60)))
    let flights = running.flights
    let time = running.time
    let gate = Gate()
    let wasCancelled = Record<Bool>()
    async let stuck = flights.join("a", deadline: far) { handle in
      #expect(handle.markDispatched())
      await gate.wait()
      await eventually { Task.isCancelled }
      wasCancelled.append(true)
      return .success(1)
    }
    await eventually { flights.stats.waiters == 1 }
    time.advance(by: .seconds(60))
    #expect(await stuck.result.reason == .timedOut)
    #expect(flights.stats.flights == 0)
    #expect(flights.stats.flightsTimedOut == 1)
    let next = await flights.join("a", deadline: far) { _ in .success(2) }
    #expect(next.result.value == 2)
    #expect(next.role == .led)
    gate.open()
    await eventually { flights.stats.tasks == 0 }
    #expect(wasCancelled.elements == [true])
    await running.end()
  }

  @Test("an error goes to everybody who waits, from one fetch, and the next call tries again")
  func sharedError() async {
    let running = await RunningFlights()
    let flights = running.flights
    let gate = Gate()
    let fetches = Counter()
    let fetch: StringFlights.Fetch = { _ in
      fetches.add()
      await gate.wait()
      return .failure(CallError(.upstreamDown, "down"))
    }
    let calls = (0..<20).map { _ in Task { [far] in await flights.join("a", deadline: far, fetch: fetch).result.reason } }
    await eventually { flights.stats.waiters == 20 }
    gate.open()
    for call in calls { #expect(await call.value == .upstreamDown) }
    #expect(fetches.value == 1)
    #expect(await flights.join("a", deadline: far) { _ in .success(3) }.result.value == 3)
    await running.end()
  }

  @Test("progress reaches everybody who waits, in order; who joins later hears only what comes later")
  func progress() async {
    let running = await RunningFlights()
    let flights = running.flights
    let (first, second) = (Gate(), Gate())
    let (early, late) = (Record<[UInt8]>(), Record<[UInt8]>())
    async let leader = flights.join("a", deadline: far, onProgress: { early.append($0.params) }) { handle in
      await first.wait()
      handle.report(CallProgress(params: [1]))
      handle.report(CallProgress(params: [2]))
      await second.wait()
      handle.report(CallProgress(params: [3]))
      return .success(1)
    }
    await eventually { flights.stats.waiters == 1 }
    first.open()
    await eventually { early.elements.count == 2 }
    async let follower = flights.join("a", deadline: far, onProgress: { late.append($0.params) }) { _ in .success(0) }
    await eventually { flights.stats.waiters == 2 }
    second.open()
    _ = await (leader, follower)
    #expect(early.elements == [[1], [2], [3]])
    #expect(late.elements == [[3]])
    await running.end()
  }

  @Test("a refresh starts one flight that nobody waits for, and only one")
  func refresh() async {
    let running = await RunningFlights()
    let flights = running.flights
    let gate = Gate()
    let fetches = Counter()
    for attempt in 0..<100 {
      let started = flights.refresh("a") { _ in
        fetches.add()
        await gate.wait()
        return .success(1)
      }
      #expect(started == (attempt == 0))
    }
    let visitor = Task { [far] in await flights.join("a", deadline: far) { _ in .success(0) } }
    await eventually { flights.stats.waiters == 1 }
    visitor.cancel()
    #expect(await visitor.value.result.reason == .cancelled)
    #expect(flights.stats.flights == 1)
    gate.open()
    await eventually { flights.stats.tasks == 0 }
    #expect(fetches.value == 1)
    await running.end()
  }
}
