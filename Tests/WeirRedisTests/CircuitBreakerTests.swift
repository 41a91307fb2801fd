import NIOCore
import Testing
import WeirRedis

@Suite struct CircuitBreakerTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

  private func opened() -> CircuitBreaker {
    var breaker = CircuitBreaker()
    for _ in 0..<5 { _ = breaker.failed(at: start, jitter: 0) }
    return breaker
  }

  private func fail(
    _ breaker: inout CircuitBreaker, at now: NIODeadline, opens: Bool, _ why: Comment? = nil, location: SourceLocation = #_sourceLocation
  ) {
    let hasOpened = breaker.failed(at: now, jitter: 0)
    #expect(hasOpened == opens, why, sourceLocation: location)
  }

  private func probe(
    _ breaker: inout CircuitBreaker, at now: NIODeadline, early: Bool = false, goes: Bool, location: SourceLocation = #_sourceLocation
  ) {
    let isGoing = breaker.beginProbe(at: now, early: early)
    #expect(isGoing == goes, sourceLocation: location)
  }

  @Test("the fifth failure in a row opens it, the fourth does not")
  func consecutive() {
    var breaker = CircuitBreaker()
    for _ in 0..<4 { fail(&breaker, at: start, opens: false) }
    breaker.succeeded(at: start)
    for _ in 0..<4 { fail(&breaker, at: start, opens: false) }
    #expect(breaker.isClosed)
    fail(&breaker, at: start, opens: true)
    #expect(breaker.state == .open(until: start + .milliseconds(500)))
    fail(&breaker, at: start, opens: false, "it opens once")
  }

  @Test("half of twenty outcomes within the window open it", arguments: [(19, false), (20, true)])
  func share(outcomes: Int, opens: Bool) {
    var breaker = CircuitBreaker()
    var hasOpened = false
    for index in 0..<outcomes {
      let now = start + .milliseconds(Int64(index) * 50)
      if index.isMultiple(of: 2) { breaker.succeeded(at: now) } else { hasOpened = breaker.failed(at: now, jitter: 0) || hasOpened }
    }
    #expect(hasOpened == opens)
  }

  @Test("failures older than the window count no more")
  func window() {
    var breaker = CircuitBreaker()
    for round in 0..<20 {
      let now = start + .milliseconds(Int64(round) * 2500)
      for _ in 0..<4 { fail(&breaker, at: now, opens: false) }
      for _ in 0..<5 { breaker.succeeded(at: now) }
    }
    #expect(breaker.isClosed)
  }

  @Test("only one probe goes, and not before the pause has passed")
  func halfOpen() {
    var breaker = opened()
    probe(&breaker, at: start + .milliseconds(499), goes: false)
    probe(&breaker, at: start + .milliseconds(500), goes: true)
    #expect(breaker.state == .halfOpen)
    probe(&breaker, at: start + .seconds(60), goes: false)
    #expect(!breaker.isClosed)
    breaker.probeSucceeded()
    #expect(breaker.isClosed)
    for _ in 0..<4 { fail(&breaker, at: start, opens: false, "what came before is forgotten") }
  }

  @Test("an early probe goes at once, where a new connection gives reason for it")
  func early() {
    var breaker = opened()
    probe(&breaker, at: start, early: true, goes: true)
    var closed = CircuitBreaker()
    probe(&closed, at: start, early: true, goes: false)
  }

  @Test("every failed probe doubles the pause, up to ten seconds; closing starts over")
  func doubling() {
    var breaker = opened()
    var now = start + .seconds(1)
    for pause in [1000, 2000, 4000, 8000, 10_000, 10_000] as [Int64] {
      probe(&breaker, at: now, goes: true)
      breaker.probeFailed(at: now, jitter: 0)
      #expect(breaker.state == .open(until: now + .milliseconds(pause)))
      now = now + .milliseconds(pause)
    }
    probe(&breaker, at: now, goes: true)
    breaker.probeSucceeded()
    for _ in 0..<5 { _ = breaker.failed(at: now, jitter: 0) }
    #expect(breaker.state == .open(until: now + .milliseconds(500)))
  }

  @Test("jitter shortens a pause by a fifth at most", arguments: [(0.0, 500), (0.5, 450), (1.0, 400), (7.0, 400), (-1.0, 500)])
  func jitter(value: Double, milliseconds: Int64) {
    var breaker = CircuitBreaker()
    for _ in 0..<5 { _ = breaker.failed(at: start, jitter: value) }
    #expect(breaker.state == .open(until: start + .milliseconds(milliseconds)))
  }

  @Test("outcomes of commands that were under way when it opened change nothing")
  func lateOutcomes() {
    var breaker = opened()
    let state = breaker.state
    breaker.succeeded(at: start + .milliseconds(10))
    _ = breaker.failed(at: start + .milliseconds(10), jitter: 0)
    breaker.probeSucceeded()
    breaker.probeFailed(at: start, jitter: 0)
    #expect(breaker.state == state)
  }

  @Test("reconnecting waits twice as long each time and starts over after a connection that lasted")
  func backoff() {
    var backoff = ReconnectBackoff(shortest: .milliseconds(50), longest: .milliseconds(300))
    var delays: [TimeAmount] = []
    for jitter in [1, 1, 1, 1, 1, 0.0] { delays.append(backoff.next(jitter: jitter)) }
    #expect(delays == [50, 100, 200, 300, 300, 150].map { TimeAmount.milliseconds($0) })
    backoff.connectionLasted(.milliseconds(299))
    let afterShort = backoff.next(jitter: 1)
    #expect(afterShort == .milliseconds(300), "a server that accepts and drops is no reason to hurry")
    backoff.connectionLasted(.milliseconds(300))
    let afterLong = backoff.next(jitter: 1)
    #expect(afterLong == .milliseconds(50))
  }
}
