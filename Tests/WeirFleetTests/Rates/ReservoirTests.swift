import Testing
import WeirCore
import WeirFlow
import WeirRedis

@testable import WeirFleet

@Suite struct ReservoirTests {
  private static let limit = RateLimit(count: 100, period: .seconds(1), burst: 40)!
  private let start = Moment.zero + .seconds(1000)

  private func reservoir(_ mode: WithoutRedis = .degraded, _ limits: [RateLimit] = [limit]) -> Reservoir {
    Reservoir(SharedRateSettings(limits: limits, withoutRedis: mode))
  }

  private func reply(
    granted: Int = 0, delay: Duration = .zero, number: Int64 = 7, pause: Duration = .zero, streak: Int = 0, missing: Duration = .zero
  ) -> RateReply {
    let numbers: [Int64] = [1, Int64(granted), delay.microseconds, number, 1000, pause.microseconds, Int64(streak), 0, 1, missing.microseconds]
    return RateReply(.array(numbers.map { .bulk(Array(String($0).utf8)) }), windows: 1, claims: [])!
  }

  private func next(_ reservoir: inout Reservoir, replicas: Int = 1, at now: Moment) throws -> RateCall {
    let call = reservoir.nextCall(replicas: replicas, now: now)
    return try #require(call)
  }

  /// Asks, and is answered after 2 ms.
  private func fill(_ reservoir: inout Reservoir, _ reply: RateReply, replicas: Int = 1, at now: Moment) throws -> RateCall {
    let call = try next(&reservoir, replicas: replicas, at: now)
    _ = reservoir.received(reply, to: call, sentAt: now, jitter: 0.5, now: now + .milliseconds(2))
    return call
  }

  @Test("tokens are asked for when a request needs them, and are gone a quarter of a second after they were")
  func life() throws {
    var reservoir = reservoir()
    _ = try fill(&reservoir, reply(), at: start)
    #expect(reservoir.nextCall(replicas: 1, now: start + .seconds(1)) == nil)
    #expect(reservoir.reserve(1, now: start) == .delayed(until: nil))
    let call = try fill(&reservoir, reply(granted: 3), at: start)
    #expect(call.least == 1 && call.want == 10 && call.life == .milliseconds(250))
    let now = start + .milliseconds(3)
    #expect(reservoir.reserve(1, now: now) == .granted && reservoir.reserve(1, now: now) == .granted)
    reservoir.cancel(1)
    #expect(reservoir.reserve(2, now: start + .milliseconds(249)) == .granted)
    reservoir.cancel(2)
    #expect(reservoir.reserve(1, now: start + .milliseconds(250)) == .delayed(until: nil))
    #expect(reservoir.stranded == 2)
    let afterwards = try next(&reservoir, at: start + .milliseconds(250))
    #expect(afterwards.owed == 0)
  }

  @Test("a token that is used too late is owed, and nothing of it comes back")
  func late() throws {
    var reservoir = reservoir()
    _ = reservoir.reserve(2, now: start)
    _ = try fill(&reservoir, reply(granted: 2), at: start)
    #expect(reservoir.reserve(2, now: start + .milliseconds(10)) == .granted)
    reservoir.commit(1, for: WaiterID(number: 1), now: start + .milliseconds(250))
    reservoir.commit(1, for: WaiterID(number: 2), now: start + .milliseconds(251))
    reservoir.settle(WaiterID(number: 1), taken: 1, spent: 0, now: start + .seconds(1))
    reservoir.settle(WaiterID(number: 2), taken: 1, spent: 0, now: start + .seconds(1))
    let call = try next(&reservoir, replicas: 1, at: start + .seconds(1))
    #expect(call.owed == 1 && call.least == 0)
    #expect(call.returns.map(\.count) == [1] && call.returns.map(\.since) == [7])
  }

  @Test("what a request took more is owed, and told again where nobody knows whether Redis has heard it")
  func debts() throws {
    var reservoir = reservoir()
    _ = reservoir.reserve(2, now: start)
    _ = try fill(&reservoir, reply(granted: 2), at: start)
    _ = reservoir.reserve(2, now: start + .milliseconds(5))
    reservoir.commit(2, for: WaiterID(number: 1), now: start + .milliseconds(5))
    reservoir.settle(WaiterID(number: 1), taken: 2, spent: 9, now: start + .seconds(1))
    let call = try next(&reservoir, replicas: 1, at: start + .seconds(1))
    #expect(call.owed == 7)
    _ = reservoir.failed(call, now: start + .seconds(1))
    #expect(!reservoir.isAlone)
    #expect(reservoir.nextCall(replicas: 1, now: start + .seconds(1)) == nil)
    let again = try next(&reservoir, at: start + .seconds(1) + Reservoir.firstRetry)
    #expect(again.owed == 7)
  }

  @Test("the only replica goes on at once with what Redis last said, and owes what left meanwhile (issue 2)")
  func standIn() throws {
    var reservoir = reservoir()
    // Of 40 there were 10.
    _ = try fill(&reservoir, reply(missing: .milliseconds(300)), at: start)
    let asking = start + .milliseconds(2)
    #expect(reservoir.reserve(3, now: asking) == .delayed(until: nil))
    let call = try next(&reservoir, at: asking)
    let isLost = reservoir.failed(call, now: asking + .milliseconds(75))
    #expect(!isLost)
    let now = asking + .milliseconds(76)
    #expect(!reservoir.isAlone && reservoir.reserve(3, now: now) == .granted)
    reservoir.commit(3, for: WaiterID(number: 1), now: now)
    reservoir.settle(WaiterID(number: 1), taken: 3, spent: 5, now: now)
    // 10, less those 5, and some of the 76 ms.
    #expect(reservoir.reserve(13, now: now) != .granted)
    let again = try next(&reservoir, at: now + Reservoir.firstRetry)
    #expect(again.least == 0 && again.lostFor == .zero && again.owed == 0)
    let isBack = reservoir.received(reply(), to: again, sentAt: now + Reservoir.firstRetry, jitter: 0.5, now: now + .milliseconds(30))
    #expect(!isBack)
    let afterwards = try next(&reservoir, at: now + .milliseconds(30))
    #expect(afterwards.owed == 5)
  }

  @Test("what the only replica let go before Redis was lost is paid for with that time, not twice")
  func standInThenLost() throws {
    var reservoir = reservoir()
    _ = try fill(&reservoir, reply(), at: start)
    _ = reservoir.reserve(3, now: start + .milliseconds(2))
    _ = reservoir.failed(try next(&reservoir, at: start + .milliseconds(2)), now: start + .milliseconds(80))
    #expect(reservoir.reserve(40, now: start + .milliseconds(80)) == .granted)
    reservoir.commit(40, for: WaiterID(number: 1), now: start + .milliseconds(80))
    let isLost = reservoir.failed(try next(&reservoir, at: start + .milliseconds(100)), now: start + .milliseconds(110))
    #expect(isLost)
    // The same bucket goes on: the burst is not there again.
    #expect(reservoir.reserve(10, now: start + .milliseconds(110)) != .granted)
    let back = try next(&reservoir, at: start + .seconds(1))
    #expect(back.lostFor == .milliseconds(998) && back.owed == 0 && back.usedAlone == 40)
    // One more leaves before the answer.
    #expect(reservoir.reserve(1, now: start + .seconds(1)) == .granted)
    reservoir.commit(1, for: WaiterID(number: 2), now: start + .seconds(1))
    let isBack = reservoir.received(reply(), to: back, sentAt: start + .seconds(1), jitter: 0.5, now: start + .seconds(1))
    #expect(isBack)
    #expect(reservoir.owed == 1)
  }

  @Test("calls that were late by this process's own doing are tried again for three seconds, and say nothing of Redis before (issue 5)")
  func lateness() throws {
    var reservoir = reservoir()
    _ = try fill(&reservoir, reply(), at: start)
    var now = start + .milliseconds(2)
    _ = reservoir.reserve(1, now: now)
    var calls = 0
    while now - start < .milliseconds(2900) {
      let isLost = reservoir.failed(try next(&reservoir, at: now), isLate: true, now: now + .milliseconds(80))
      #expect(!isLost && reservoir.reserve(1, now: now + .milliseconds(80)) == .delayed(until: nil))
      now = now + .milliseconds(80) + Reservoir.firstRetry
      calls += 1
    }
    #expect(calls == 29)
    var losses = 0
    while losses == 0 {
      if reservoir.failed(try next(&reservoir, at: now), isLate: true, now: now + .milliseconds(80)) { losses += 1 }
      now = now + .milliseconds(80) + Reservoir.firstRetry
    }
    #expect(now - start < .milliseconds(3400))
  }

  @Test("where nothing is to be sent without Redis, or everything, one failure changes nothing", arguments: [WithoutRedis.closed, .open])
  func noStandIn(mode: WithoutRedis) throws {
    var reservoir = reservoir(mode)
    _ = try fill(&reservoir, reply(), at: start)
    _ = reservoir.reserve(1, now: start + .milliseconds(2))
    _ = reservoir.failed(try next(&reservoir, at: start + .milliseconds(2)), now: start + .milliseconds(80))
    #expect(reservoir.reserve(1, now: start + .milliseconds(80)) == .delayed(until: nil))
  }

  @Test("one of several goes on at once by its part, from an empty bucket, and owes what left when Redis answers again (issue 5)")
  func standInBesideOthers() throws {
    var reservoir = reservoir()
    _ = try fill(&reservoir, reply(), replicas: 4, at: start)
    let asking = start + .milliseconds(2)
    _ = reservoir.reserve(1, now: asking)
    let failed = asking + .milliseconds(75)
    let isLost = reservoir.failed(try next(&reservoir, replicas: 4, at: asking), now: failed)
    #expect(!isLost && !reservoir.isAlone)
    // 100/s × 0.8 / 4 = 20/s.
    let now = failed + .milliseconds(50)
    #expect(reservoir.reserve(1, now: failed) == .delayed(until: now))
    #expect(reservoir.reserve(1, now: now) == .granted)
    reservoir.commit(1, for: WaiterID(number: 1), now: now)
    let again = try next(&reservoir, replicas: 4, at: now)
    _ = reservoir.received(reply(), to: again, sentAt: now, jitter: 0.5, now: now + .milliseconds(1))
    #expect(try next(&reservoir, replicas: 4, at: now + .milliseconds(1)).owed == 1)
    #expect(reservoir.capacity == 40)
  }

  @Test("what Redis promises for later is had then; what it does not promise is asked for when there is a chance")
  func later() throws {
    var reservoir = reservoir()
    _ = reservoir.reserve(1, now: start)
    _ = try fill(&reservoir, reply(granted: 1, delay: .milliseconds(400)), at: start)
    let at = start + .milliseconds(402)
    #expect(reservoir.reserve(1, now: start + .milliseconds(5)) == .delayed(until: at))
    #expect(reservoir.earliest(1, ahead: 0, now: start + .milliseconds(5)) == at)
    #expect(reservoir.reserve(1, now: at) == .granted)
    #expect(reservoir.reserve(1, now: at) == .delayed(until: nil))
    _ = try fill(&reservoir, reply(delay: .seconds(8), missing: .seconds(8)), at: at)
    let again = at + .milliseconds(7502)
    #expect(reservoir.reserve(1, now: at + .milliseconds(3)) == .delayed(until: again))
    #expect(reservoir.nextWake ?? .zero > at + .seconds(1))
    #expect(reservoir.reserve(1, now: again) == .delayed(until: nil))
    #expect(reservoir.nextWake == .zero)
  }

  @Test(
    "so many tokens at a time: a tenth of a second's, one where the rate is low",
    arguments: [
      (1000, 400, 1, 100), (1000, 400, 4, 25), (1000, 10, 1, 5), (1000, 10, 4, 1), (19, 19, 1, 1), (20, 20, 1, 2), (100, 1, 1, 1), (150, 60, 4, 4),
    ])
  func chunks(_ count: Int, _ burst: Int, _ replicas: Int, _ expected: Int) throws {
    var reservoir = reservoir(.degraded, [RateLimit(count: count, period: .seconds(1), burst: burst)!])
    _ = reservoir.reserve(1, now: start)
    let call = try next(&reservoir, replicas: replicas, at: start)
    #expect(call.want == expected && call.fleetSize == replicas)
  }

  @Test("a roster that shrinks is believed after a quarter of a minute: Redis may have forgotten it")
  func size() throws {
    var reservoir = reservoir()
    let sizes = try [(3, 0), (1, 2), (1, 18)].map { replicas, seconds in
      try fill(&reservoir, reply(), replicas: replicas, at: start + .seconds(seconds)).fleetSize
    }
    #expect(sizes == [3, 3, 1])
  }

  private func lose(_ reservoir: inout Reservoir, replicas: Int, at now: Moment) throws {
    let first = try next(&reservoir, replicas: replicas, at: now)
    _ = reservoir.failed(first, now: now)
    #expect(!reservoir.isAlone)
    let second = try next(&reservoir, replicas: replicas, at: now + Reservoir.firstRetry)
    let isLost = reservoir.failed(second, now: now + Reservoir.firstRetry)
    #expect(isLost && reservoir.isAlone && reservoir.losses == 1)
  }

  @Test("without Redis, a replica keeps to four fifths of its part, from an empty bucket")
  func degraded() throws {
    var reservoir = reservoir()
    _ = try fill(&reservoir, reply(), replicas: 4, at: start)
    let lost = start + .seconds(10)
    try lose(&reservoir, replicas: 4, at: lost)
    let now = lost + Reservoir.firstRetry
    // 100/s × 0.8 / 4 = 20/s, burst 40 / 4 = 10.
    #expect(reservoir.capacity == 10)
    #expect(reservoir.reserve(1, now: now) == .delayed(until: lost + .milliseconds(50)))
    #expect(reservoir.reserve(10, now: lost + .milliseconds(500)) == .granted)
    reservoir.commit(10, for: WaiterID(number: 1), now: lost + .milliseconds(500))
    // Redis is back: it is told for how long, and what stood in is gone.
    let back = lost + .seconds(3)
    let call = try next(&reservoir, replicas: 4, at: back)
    #expect(call.lostFor == .seconds(3) && call.least == 0)
    let isBack = reservoir.received(reply(), to: call, sentAt: back, jitter: 0, now: back)
    #expect(isBack && !reservoir.isAlone && reservoir.capacity == 40)
    #expect(reservoir.reserve(1, now: back) == .delayed(until: nil))
  }

  @Test("alone in its fleet, a replica goes on with what Redis said last")
  func lastKnown() throws {
    var reservoir = reservoir()
    _ = try fill(&reservoir, reply(), at: start)
    try lose(&reservoir, replicas: 1, at: start + .seconds(10))
    #expect(reservoir.reserve(40, now: start + .seconds(11)) == .granted)
  }

  @Test("open: the whole limit at once; closed: a refusal that says when to come again")
  func openAndClosed() throws {
    var open = reservoir(.open)
    try lose(&open, replicas: 4, at: start)
    #expect(open.reserve(40, now: start + .seconds(1)) == .granted)
    var closed = reservoir(.closed)
    try lose(&closed, replicas: 4, at: start)
    guard case .refused(let error) = closed.reserve(1, now: start + .seconds(1)) else {
      Issue.record("closed, and not refused")
      return
    }
    #expect(error.retryAfter != nil && !error.forbidsStale && error.message.contains("Redis"))
  }

  @Test("a refusal by the provider takes away what is at hand, and is told at once")
  func penalty() throws {
    var reservoir = reservoir()
    _ = reservoir.reserve(1, now: start)
    _ = try fill(&reservoir, reply(granted: 10), at: start)
    let now = start + .milliseconds(20)
    reservoir.penalise(retryAfter: .seconds(4), sentAt: start + .milliseconds(3), jitter: 0.5, now: now)
    #expect(reservoir.pausedUntil == now + .seconds(4))
    #expect(reservoir.reserve(1, now: now) == .delayed(until: nil))
    let call = try fill(&reservoir, reply(delay: .seconds(4), pause: .seconds(4), streak: 1, missing: .seconds(4)), at: now)
    #expect(call.penalty?.until == now + .seconds(4) && call.penalty?.sentAt == start + .milliseconds(3) && call.least == 1)
    #expect(reservoir.earliest(1, ahead: 0, now: now) >= now + .seconds(4))
    reservoir.succeeded(sentAt: now + .seconds(1))
    let later = try next(&reservoir, at: now + .seconds(2))
    #expect(later.succeeded == now + .seconds(1))
  }

  @Test("without a limit nobody is asked for tokens, and pauses hold all the same")
  func unlimited() throws {
    var reservoir = reservoir(.degraded, [])
    #expect(reservoir.reserve(500, now: start) == .granted)
    reservoir.commit(500, for: WaiterID(number: 1), now: start)
    reservoir.settle(WaiterID(number: 1), taken: 500, spent: 3, now: start)
    let call = try next(&reservoir, replicas: 1, at: start)
    #expect(call.least == 0 && !call.hasReports)
    reservoir.penalise(retryAfter: .seconds(4), sentAt: start, jitter: 0, now: start)
    #expect(reservoir.reserve(1, now: start) == .delayed(until: start + .seconds(4)))
  }
}
