import NIOConcurrencyHelpers
import Testing
import WeirCore
import WeirFlow
import WeirTestSupport

@Suite("The end and the limits of flights", .timeLimit(.minutes(5)))
struct FlightLimitsTests {
  private let far = Moment.seconds(1_000_000)

  @Test("shutting down answers everybody at once, also those whose fetch has not begun")
  func shutdown() async {
    let time = ManualTime()
    let flights = StringFlights(time: time)
    let gate = Gate()
    let run = Task { await flights.run() }
    await flights.started()
    let fetch: StringFlights.Fetch = { _ in
      await gate.wait()
      return .success(1)
    }
    let calls = (0..<50).map { key in Task { [far] in await flights.join("\(key)", deadline: far, fetch: fetch).result.reason } }
    await eventually { flights.stats.waiters == 50 }
    run.cancel()
    for call in calls { #expect(await call.value == .overloaded) }
    #expect(await flights.join("b", deadline: far) { _ in .success(1) }.result.reason == .overloaded)
    #expect(!flights.refresh("b") { _ in .success(1) })
    gate.open()
    await run.value
    #expect(flights.isEmpty)
  }

  @Test("before it runs, a call fails instead of hanging")
  func notRunning() async {
    let flights = StringFlights(time: ManualTime())
    #expect(await flights.join("a", deadline: far) { _ in .success(1) }.result.reason == .overloaded)
  }

  @Test("a fetch's own cancellation is not passed on to those who wait")
  func cancellationIsNotShared() async {
    let running = await RunningFlights()
    let flights = running.flights
    let answer = await flights.join("a", deadline: far) { _ in .failure(CallError(.cancelled, "inner")) }
    #expect(answer.result.reason == .internalFault)
    await running.end()
  }

  @Test("bounds: one waiter or one flight too many is refused with overloaded, and counts")
  func bounds() async {
    let running = await RunningFlights(FlightConfiguration(maximumFlights: 1, maximumWaiters: 2))
    let flights = running.flights
    let gate = Gate()
    let fetch: StringFlights.Fetch = { _ in
      await gate.wait()
      return .success(1)
    }
    async let one = flights.join("a", deadline: far, fetch: fetch)
    async let two = flights.join("a", deadline: far, fetch: fetch)
    await eventually { flights.stats.waiters == 2 }
    #expect(await flights.join("a", deadline: far, fetch: fetch).result.reason == .overloaded)
    #expect(await flights.join("b", deadline: far, fetch: fetch).result.reason == .overloaded)
    #expect(flights.stats.refused == 2)
    gate.open()
    _ = await (one, two)
    await running.end()
  }

  @Test("a deadline that has passed starts nothing")
  func pastDeadline() async {
    let running = await RunningFlights()
    let flights = running.flights
    let time = running.time
    let answer = await flights.join("a", deadline: time.now()) { _ in .success(1) }
    #expect(answer.result.reason == .timedOut)
    #expect(flights.stats.led == 0)
    await running.end()
  }

  @Test("12,000 calls with 35 % of them cancelled at random: nobody hangs, every other call is answered, nothing is left behind")
  func stress() async {
    let running = await RunningFlights()
    let flights = running.flights
    let cancelled = Counter()
    let answered = Counter()
    for round in 0..<12 {
      var numbers = SeededNumbers(seed: UInt64(round))
      var calls: [(task: Task<CallError.Reason?, Never>, isCancelled: Bool)] = []
      for number in 0..<1000 {
        let yields = Int.random(in: 0..<20, using: &numbers)
        let key = "\(Int.random(in: 0..<40, using: &numbers))"
        let dispatches = number % 2 == 0
        let task = Task { [far] in
          await flights.join(key, deadline: far) { handle in
            for _ in 0..<yields { await Task.yield() }
            if dispatches { _ = handle.markDispatched() }
            for _ in 0..<yields { await Task.yield() }
            return .success(1)
          }.result.reason
        }
        calls.append((task, Double.random(in: 0..<1, using: &numbers) < 0.35))
        if Int.random(in: 0..<4, using: &numbers) == 0 { await Task.yield() }
        if let call = calls.randomElement(using: &numbers), call.isCancelled { call.task.cancel() }
      }
      for call in calls where call.isCancelled { call.task.cancel() }
      for call in calls {
        let reason = await call.task.value
        if call.isCancelled {
          #expect(reason == nil || reason == .cancelled)
        } else {
          #expect(reason == nil)
        }
        if reason == .cancelled { cancelled.add() } else { answered.add() }
      }
    }
    #expect(cancelled.value > 0)
    #expect(cancelled.value + answered.value == 12_000)
    await eventually { flights.stats.tasks == 0 }
    await running.end()
  }
}
