import Testing
import WeirCore
import WeirFlow

@Suite("LaneMachine")
struct LaneMachineTests {
  @Test("requests go at once while there are permits and tokens, and wait for a permit after that")
  func permits() {
    var rig = Rig(LaneConfiguration(concurrency: 2))
    let ids = (0..<3).map { _ in rig.enqueue() }
    #expect(rig.granted == Array(ids[0..<2]))
    rig.release(ids[0])
    #expect(rig.granted == ids)
    #expect(rig.stats.permitsInUse == 2)
  }

  @Test("a tenant whose calls hang leaves room for the others, and gets its own back when they return (issue 2)")
  func tenantShare() {
    var rig = Rig(LaneConfiguration(concurrency: 4, tenantConcurrency: 3))
    let hanging = (0..<6).map { _ in rig.enqueue("b") }
    #expect(rig.granted == Array(hanging[0..<3]))
    let other = rig.enqueue("a")
    #expect(rig.granted.last == other)
    let next = rig.enqueue("a")
    #expect(rig.granted.last == other)
    rig.release(other)
    #expect(rig.granted.last == next)
    rig.release(hanging[0])
    #expect(rig.granted.last == hanging[3])
    #expect(rig.stats.permitsInUse == 4)
  }

  @Test("those who wait behind their tenant's share still expire at their deadline")
  func shareAndDeadline() {
    var rig = Rig(LaneConfiguration(concurrency: 4, tenantConcurrency: 1))
    rig.enqueue("b")
    let waiting = rig.enqueue("b", within: .seconds(5))
    #expect(rig.timer == rig.now + .seconds(5))
    rig.advance(.seconds(5))
    #expect(rig.refused[waiting] != nil)
    #expect(rig.stats.depth == 0)
  }

  @Test("whoever waits for a permit holds no token")
  func tokenLast() throws {
    var rig = Rig(LaneConfiguration(limits: [try limit(1, per: .seconds(1), burst: 5)], concurrency: 1))
    for _ in 0..<4 { rig.enqueue() }
    #expect(rig.granted.count == 1)
    #expect(rig.stats.windows.map(\.available) == [4])
  }

  @Test("a request that is never sent gives its token and its share of the budget back; one that is sent does not")
  func notSent() throws {
    let configuration = LaneConfiguration(
      limits: [try limit(1, per: .seconds(1), burst: 2)], budgets: [BudgetLimit(per: .day, requests: 2, money: MicroUSD(20))])
    var rig = Rig(configuration)
    let first = rig.enqueue(price: MicroUSD(10))
    rig.release(first, .notSent)
    #expect(rig.stats.windows.map(\.available) == [2])
    #expect(rig.stats.budgets.first?.requestsLeft == 2)
    let second = rig.enqueue(price: MicroUSD(10))
    rig.send(second)
    rig.release(second, .notSent)
    #expect(rig.stats.windows.map(\.available) == [1])
    #expect(rig.stats.budgets.first?.requestsLeft == 1)
    #expect(rig.stats.budgets.first?.money == .zero)
    let third = rig.enqueue(price: MicroUSD(10))
    rig.release(third, .failed)
    #expect(rig.stats.windows.map(\.available) == [0])
    #expect(rig.stats.budgets.first?.requestsLeft == 0)
  }

  @Test("no room before the deadline is said at once, with the time after which there is room")
  func deadlineAware() throws {
    var rig = Rig(LaneConfiguration(limits: [try limit(1, per: .seconds(12), burst: 1)]))
    let first = rig.enqueue()
    rig.send(first)
    let second = rig.enqueue(within: .seconds(10))
    let error = try #require(rig.refused[second])
    #expect(error.reason == .throttled)
    #expect(error.retryAfter == .seconds(12))
    #expect(error.message == "The provider's rate limit leaves no room before your deadline")
    #expect(rig.stats.depth == 0)
    let third = rig.enqueue(within: .seconds(13))
    #expect(rig.refused[third] == nil)
    let fourth = rig.enqueue(within: .seconds(20))
    #expect(rig.refused[fourth]?.retryAfter == .seconds(24))
  }

  @Test("the time an answer usually takes counts too, but never where there is nothing to wait for")
  func typicalLatency() throws {
    var rig = Rig(LaneConfiguration(limits: [try limit(1, per: .seconds(10), burst: 1)]))
    let first = rig.enqueue()
    rig.send(first)
    rig.now = rig.now + .seconds(5)
    rig.release(first)
    #expect(rig.stats.typicalLatency == .seconds(5))
    let second = rig.enqueue(within: .seconds(8))
    #expect(rig.refused[second]?.reason == .throttled)
    rig.advance(.seconds(5))
    let third = rig.enqueue(within: .seconds(1))
    #expect(rig.granted.last == third)
  }

  @Test("a machine that slept while a request was out does not take that for the time an answer takes (issue 3)")
  func slept() throws {
    var rig = Rig(LaneConfiguration())
    let first = rig.enqueue(within: .seconds(30))
    rig.send(first)
    rig.now = rig.now + .seconds(13 * 3600)
    rig.release(first)
    #expect(rig.stats.typicalLatency == .seconds(30))
  }

  @Test("who waits for a permit longer than it has time is told so, without the rate limit being blamed")
  func busy() throws {
    var rig = Rig(LaneConfiguration(concurrency: 1))
    let first = rig.enqueue()
    rig.now = rig.now + .seconds(4)
    rig.release(first)
    rig.enqueue()
    let third = rig.enqueue(within: .seconds(6))
    #expect(rig.refused[third]?.message == "The provider's requests under way leave no room before your deadline")
    #expect(rig.refused[third]?.retryAfter == .seconds(4))
  }

  @Test("a request that expires in the queue is told at its deadline, and takes no token")
  func expired() throws {
    var rig = Rig(LaneConfiguration(limits: [try limit(1, per: .seconds(1), burst: 5)], concurrency: 1))
    let first = rig.enqueue()
    rig.send(first)
    let second = rig.enqueue(within: .seconds(3))
    #expect(rig.timer == rig.now + .seconds(3))
    rig.advance(.seconds(3))
    #expect(rig.refused[second]?.reason == .throttled)
    #expect(rig.stats.expired == 1)
    #expect(rig.stats.windows.map(\.available) == [5])
    rig.release(first)
    #expect(rig.granted == [first])
  }

  @Test("a head that has too little time left for an answer is not sent any more")
  func tooLateAtTheHead() {
    var rig = Rig(LaneConfiguration(concurrency: 1))
    let first = rig.enqueue()
    let second = rig.enqueue(within: .seconds(10))
    rig.now = rig.now + .seconds(8)
    rig.release(first)
    #expect(rig.refused[second]?.reason == .throttled)
    #expect(rig.granted == [first])
  }

  @Test("a provider's pause is observed by those who wait: they go after it, one interval apart, and who cannot wait so long is told at once")
  func pause() throws {
    var rig = Rig(LaneConfiguration(limits: [try limit(10, per: .seconds(1), burst: 10)], concurrency: 2))
    let first = rig.enqueue()
    let second = rig.enqueue()
    let patient = (0..<5).map { _ in rig.enqueue() }
    let hasty = rig.enqueue(within: .seconds(20))
    rig.send(first)
    rig.send(second)
    rig.release(first, .throttled(retryAfter: .seconds(30)))
    #expect(rig.granted == [first, second])
    #expect(rig.refused[hasty]?.retryAfter == .seconds(30))
    #expect(rig.stats.pausedUntil == rig.now + .seconds(30))
    #expect(rig.stats.throttles == 1)
    rig.release(second)
    rig.advance(.milliseconds(29_999))
    #expect(rig.granted.count == 2)
    var moments: [Moment] = []
    for id in patient {
      while !rig.granted.contains(id) { rig.advance(.milliseconds(1)) }
      moments.append(rig.now)
      rig.send(id)
      rig.release(id)
    }
    for (earlier, later) in zip(moments, moments.dropFirst()) { #expect(later - earlier >= .milliseconds(100)) }
  }

  @Test(
    "an absurd Retry-After is cut, a negative one is none, one that is missing becomes a backoff",
    arguments: [(Duration.seconds(86_400), 300.0), (.seconds(Int64.max), 300), (.seconds(-3), 0), (nil, 1)] as [(Duration?, Double)])
  func retryAfter(asked: Duration?, expected: Double) throws {
    var rig = Rig(LaneConfiguration(limits: [try limit(10, per: .seconds(1))]))
    let first = rig.enqueue()
    rig.send(first)
    rig.release(first, .throttled(retryAfter: asked))
    let pause = rig.stats.pausedUntil.map { ($0 - rig.now).inSeconds } ?? 0
    #expect(pause == expected)
  }

  @Test("a spent budget refuses whoever comes and whoever waits, and says when it renews; the next day all is well")
  func budget() throws {
    var rig = Rig(LaneConfiguration(concurrency: 2, budgets: [BudgetLimit(per: .day, requests: 1)]))
    let first = rig.enqueue()
    rig.send(first)
    let second = rig.enqueue()
    #expect(rig.stats.depth == 1)
    rig.release(first)
    #expect(rig.refused[second]?.reason == .overBudget)
    #expect(rig.refused[second]?.retryAfter == .seconds(86_400))
    let late = rig.enqueue()
    #expect(rig.refused[late]?.message == "The provider's budget of 1 requests a day is spent; it renews at 2026-11-24 00:00 UTC")
    rig.advance(.seconds(86_400))
    let third = rig.enqueue()
    #expect(rig.granted.last == third)
  }

  @Test("a limiter that cannot know when tokens come is asked again when it is poked")
  func poke() {
    var machine = LaneMachine(LaneConfiguration(), limiter: Reservoir())
    let ids = WaiterIDs()
    let (id, now, wall) = (ids.next(), Moment.seconds(1), WallTime(milliseconds: 0))
    let actions = machine.enqueue(id, LaneRequest(tenant: "a", deadline: .distantFuture), now: now, wall: wall)
    #expect(actions.isEmpty)
    #expect(machine.stats(now: now, wall: wall).depth == 1)
    let after = machine.timer(now: now + .seconds(1), wall: wall)
    #expect(after == [.grant(id, waited: .seconds(1), with: nil)])
  }
}

/// A limiter whose tokens come from elsewhere: dry when it is first asked, full when it is asked again.
private struct Reservoir: RateLimiter {
  private var asked = 0
  let capacity = 10
  let pausedUntil: Moment? = nil
  let slowdown = 1.0

  mutating func reserve(_ cost: Int, now: Moment) -> RateDecision {
    asked += 1
    return asked == 1 ? .delayed(until: nil) : .granted
  }

  mutating func commit(_ cost: Int, for id: WaiterID, now: Moment) {}
  mutating func settle(_ id: WaiterID, taken: Int, spent: Int, now: Moment) {}
  mutating func cancel(_ cost: Int) {}
  mutating func earliest(_ cost: Int, ahead: Int, now: Moment) -> Moment { now }
  mutating func penalise(retryAfter: Duration?, sentAt: Moment, jitter: Double, now: Moment) {}
  mutating func succeeded(sentAt: Moment) {}
  func windows(now: Moment) -> [RateWindow] { [] }
}
