import Testing
import WeirCore
import WeirFlow
import WeirTestSupport

@Suite("Lane", .timeLimit(.minutes(5)))
struct LaneTests {
  @Test("a request that has to wait for its token goes when the clock reaches it, and its wait is reported")
  func waits() async throws {
    let running = await RunningLane(LaneConfiguration(limits: [try limit(1, per: .seconds(10), burst: 1)]))
    #expect(await running.call().value == nil)
    let second = running.call()
    await eventually { running.lane.stats.depth == 1 }
    running.time.advance(by: .seconds(9))
    for _ in 0..<50 { await Task.yield() }
    #expect(running.lane.stats.depth == 1)
    running.time.advance(by: .seconds(1))
    #expect(await second.value == nil)
    #expect(running.waits.elements == [.zero, .seconds(10)])
    await running.end()
  }

  @Test("cancelling a waiting caller removes it at once and takes no token")
  func cancel() async throws {
    let running = await RunningLane(LaneConfiguration(limits: [try limit(1, per: .seconds(1), burst: 5)], concurrency: 1))
    let gate = Gate()
    let first = running.call(until: gate)
    await eventually { running.lane.stats.permitsInUse == 1 && running.lane.stats.windows.first?.available == 4 }
    let second = running.call()
    await eventually { running.lane.stats.depth == 1 }
    second.cancel()
    #expect(await second.value == .cancelled)
    #expect(running.lane.stats.depth == 0)
    #expect(running.lane.stats.windows.map(\.available) == [4])
    gate.open()
    #expect(await first.value == nil)
    await running.end()
  }

  @Test("when all callers of a flight leave while it waits in the lane, nothing is sent and no token is taken")
  func abandonedInTheLane() async throws {
    let running = await RunningLane(LaneConfiguration(limits: [try limit(1, per: .seconds(1), burst: 5)], concurrency: 1))
    let flights = Flights<String, Int>(time: running.time)
    let run = Task { await flights.run() }
    await flights.started()
    let gate = Gate()
    let blocker = running.call(until: gate)
    await eventually { running.lane.stats.windows.first?.available == 4 }
    let sent = Counter()
    let caller = Task { [lane = running.lane, time = running.time] in
      await flights.join("a", deadline: time.now() + .seconds(60)) { handle in
        do throws(CallError) {
          var permit = try await lane.acquire(LaneRequest(tenant: "a", deadline: handle.waitersDeadline))
          guard handle.markDispatched() else { throw CallError(.cancelled, "abandoned") }
          permit.markSent()
          sent.add()
          permit.release(.answeredOnce)
          return .success(1)
        } catch {
          return .failure(error)
        }
      }
    }
    await eventually { running.lane.stats.depth == 1 }
    caller.cancel()
    #expect(await caller.value.result.reason == .cancelled)
    await eventually { running.lane.stats.depth == 0 && flights.stats.tasks == 0 }
    gate.open()
    _ = await blocker.value
    #expect(sent.value == 0)
    #expect(running.lane.stats.windows.map(\.available) == [4])
    run.cancel()
    await run.value
    await running.end()
  }

  @Test("a waiting caller is refused at its deadline by the lane's own clock")
  func deadline() async {
    let running = await RunningLane(LaneConfiguration(concurrency: 1))
    let gate = Gate()
    let first = running.call(until: gate)
    await eventually { running.lane.stats.permitsInUse == 1 }
    let second = running.call(within: .seconds(5))
    await eventually { running.lane.stats.depth == 1 }
    running.time.advance(by: .seconds(5))
    #expect(await second.value == .throttled)
    gate.open()
    _ = await first.value
    await running.end()
  }

  @Test("a permit that is dropped without a word is given back: unsent with its token, sent without")
  func dropped() async throws {
    let running = await RunningLane(LaneConfiguration(limits: [try limit(1, per: .seconds(1), burst: 5)], concurrency: 1))
    do { _ = try await running.lane.acquire(running.request()) }
    #expect(running.lane.stats.permitsInUse == 0)
    #expect(running.lane.stats.windows.map(\.available) == [5])
    do {
      var permit = try await running.lane.acquire(running.request())
      permit.markSent()
    }
    #expect(running.lane.stats.permitsInUse == 0)
    #expect(running.lane.stats.windows.map(\.available) == [4])
    await running.end()
  }

  @Test("shutting down refuses everybody who waits and whoever comes; permits that are out come back")
  func shutdown() async {
    let running = await RunningLane(LaneConfiguration(concurrency: 1))
    let gate = Gate()
    let first = running.call(until: gate)
    await eventually { running.lane.stats.permitsInUse == 1 }
    let waiting = (0..<20).map { _ in running.call() }
    await eventually { running.lane.stats.depth == 20 }
    running.stop()
    for call in waiting { #expect(await call.value == .overloaded) }
    #expect(await running.call().value == .overloaded)
    gate.open()
    #expect(await first.value == nil)
    await running.end()
  }

  @Test("before it runs, a lane refuses instead of letting callers hang")
  func notRunning() async {
    let lane = Lane(name: "provider", configuration: LaneConfiguration(), time: ManualTime())
    do throws(CallError) {
      let permit = try await lane.acquire(LaneRequest(tenant: "a", deadline: .distantFuture))
      permit.release(.notSent)
      Issue.record("expected a refusal")
    } catch {
      #expect(error.reason == .overloaded)
    }
  }

  @Test("6,000 calls, a third of them cancelled at random: nobody hangs and nothing is lost")
  func stress() async {
    let running = await RunningLane(LaneConfiguration(concurrency: 7, queueLimit: 10_000, tenantQueueLimit: 10_000))
    var numbers = SeededNumbers(seed: 9)
    var calls: [(task: Task<CallError.Reason?, Never>, isCancelled: Bool)] = []
    for number in 0..<6000 {
      calls.append((running.call(number % 3 == 0 ? "a" : "b"), Int.random(in: 0..<3, using: &numbers) == 0))
      if let call = calls.randomElement(using: &numbers), call.isCancelled { call.task.cancel() }
      if number % 5 == 0 { await Task.yield() }
    }
    for call in calls where call.isCancelled { call.task.cancel() }
    for call in calls {
      let reason = await call.task.value
      #expect(reason == nil || (call.isCancelled && reason == .cancelled))
    }
    let stats = running.lane.stats
    #expect(stats.granted + stats.cancelled == 6000)
    await running.end()
  }
}
