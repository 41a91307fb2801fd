import Testing
import WeirCore
import WeirFlow
import WeirTestSupport

@Suite("Lane, company", .timeLimit(.minutes(5)))
struct LaneLeaveTests {
  private let linger = Duration.milliseconds(15)

  @Test("those who come within the linger leave together: one gets a permit with all of them, the others hear that they are carried")
  func together() async {
    let running = await RunningLane(LaneConfiguration())
    var calls: [Task<Result<[Int]?, CallError>, Never>] = []
    for number in 0..<12 {
      calls.append(running.leave(running.request(["a", "b"][number % 2], company: Companion(number), linger: linger)))
      await eventually { running.lane.stats.depth == number + 1 }
    }
    running.time.advance(by: linger)
    var leaves: [[Int]?] = []
    for call in calls { if case .success(let numbers) = await call.value { leaves.append(numbers) } }
    #expect(leaves.count == 12)
    #expect(leaves[0].map { Set($0) } == Set(0..<12))
    #expect(leaves.dropFirst().allSatisfy { $0 == nil })
    #expect(running.waits.elements == Array(repeating: linger, count: 12))
    #expect(running.lane.stats.merged == 11)
    await running.end()
  }

  @Test("a caller who leaves while it lingers is gone at once")
  func cancel() async {
    let running = await RunningLane(LaneConfiguration())
    let call = running.leave(running.request(company: Companion(1), linger: linger))
    await eventually { running.lane.stats.depth == 1 }
    call.cancel()
    #expect(await call.value.reason == .cancelled)
    #expect(running.lane.stats.depth == 0)
    await running.end()
  }

  @Test("who asks for a permit gets one of its own, whatever company it has")
  func alone() async throws {
    let running = await RunningLane(LaneConfiguration(concurrency: 1))
    let gate = Gate()
    let blocker = running.leave(running.request(), until: gate)
    await eventually { running.lane.stats.permitsInUse == 1 }
    let head = running.leave(running.request(company: Companion(1)))
    await eventually { running.lane.stats.depth == 1 }
    let request = running.request(company: Companion(2), linger: linger)
    let alone = Task { [lane = running.lane] in
      do throws(CallError) {
        let permit = try await lane.acquire(request)
        #expect(permit.company.isEmpty)
        #expect(permit.batch == nil)
        permit.release(.answeredOnce)
        return true
      } catch {
        return false
      }
    }
    await eventually { running.lane.stats.depth == 2 }
    gate.open()
    #expect(await head.value.value == [1])
    #expect(await alone.value)
    _ = await blocker.value
    #expect(running.lane.stats.merged == 0)
    await running.end()
  }

  @Test("shutting down refuses those who linger")
  func shutdown() async {
    let running = await RunningLane(LaneConfiguration())
    let calls = (0..<5).map { running.leave(running.request(company: Companion($0), linger: linger)) }
    await eventually { running.lane.stats.depth == 5 }
    running.stop()
    for call in calls { #expect(await call.value.reason == .overloaded) }
    await running.end()
  }

  @Test("the operator is told of a budget, and a budget that is to stop calls is asked before a stale answer is given")
  func budget() async {
    let running = await RunningLane(LaneConfiguration(tenantBudgets: ["a": [BudgetLimit(per: .day, requests: 1, atLimit: .stop)]]))
    #expect(running.lane.stop(of: running.request()) == nil)
    #expect(await running.call().value == nil)
    #expect(running.notices.elements.map(\.level) == [.spent])
    #expect(running.lane.stop(of: running.request())?.reason == .overBudget)
    #expect(running.lane.stop(of: running.request("b")) == nil)
    #expect(await running.call().value == .overBudget)
    #expect(running.notices.elements.count == 1)
    await running.end()
  }

  @Test("6,000 calls that merge, a third of them cancelled at random: each is carried by one head, and nobody hangs")
  func stress() async {
    let running = await RunningLane(LaneConfiguration(concurrency: 3, queueLimit: 10_000, tenantQueueLimit: 10_000))
    var numbers = SeededNumbers(seed: 13)
    var calls: [(task: Task<Result<[Int]?, CallError>, Never>, isCancelled: Bool)] = []
    for number in 0..<6000 {
      let company = Companion(number % 2 == 0 ? "x" : "y", number)
      let request = running.request(["a", "b", "c"][number % 3], company: company, linger: number % 4 == 0 ? .zero : linger)
      calls.append((running.leave(request), Int.random(in: 0..<3, using: &numbers) == 0))
      if let call = calls.randomElement(using: &numbers), call.isCancelled { call.task.cancel() }
      if number % 5 == 0 { await Task.yield() }
      if number % 50 == 0 { running.time.advance(by: .milliseconds(4)) }
    }
    for call in calls where call.isCancelled { call.task.cancel() }
    let clock = Task { [time = running.time] in
      while !Task.isCancelled {
        time.advance(by: linger)
        await Task.yield()
      }
    }
    var (batches, carried, cancelled): ([[Int]], Int, Int) = ([], 0, 0)
    for call in calls {
      switch await call.task.value {
      case .success(let numbers?): batches.append(numbers)
      case .success(nil): carried += 1
      case .failure(let error):
        #expect(call.isCancelled && error.reason == .cancelled)
        cancelled += 1
      }
    }
    clock.cancel()
    await clock.value
    #expect(batches.count + carried + cancelled == 6000)
    #expect(batches.reduce(0) { $0 + $1.count - 1 } == carried)
    #expect(Set(batches.joined()).count == batches.count + carried)
    #expect(batches.allSatisfy { Set($0.map { $0 % 2 }).count == 1 })
    #expect(carried > 0)
    await running.end()
  }
}
