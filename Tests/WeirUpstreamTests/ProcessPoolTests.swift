import Testing
import WeirCore
import WeirMCP

@testable import WeirUpstream

@Suite("The pool of processes decides")
struct ProcessPoolTests {
  private static let now = Moment(nanoseconds: 5_000_000_000)
  private static func pool(_ processes: Int = 2, _ policy: UpstreamConfiguration.EraPolicy = .auto) -> ProcessPool {
    ProcessPool(processes: processes, policy: policy, restartDelays: .milliseconds(100) ... .seconds(30), healthyAfter: .seconds(60))
  }
  private static let legacy = SessionInfo(revision: .v2025_11_25)

  @Test("calls go to the ready process with the least to do")
  func leastLoaded() {
    var pool = Self.pool(3)
    #expect(pool.take() == nil)
    pool.opened(1, Self.legacy, now: Self.now)
    pool.opened(2, Self.legacy, now: Self.now)
    #expect([pool.take(), pool.take(), pool.take()] == [1, 2, 1])
    pool.release(1)
    pool.release(1)
    #expect(pool.take() == 1)
    #expect(pool.take(avoiding: 1) == 2)
    #expect(pool.take(avoiding: 2) == 1)
    #expect(pool.readyCount == 2)
  }

  @Test("a process that exits at the question for its era is started again at once, and not asked again")
  func exitsOnProbe() {
    var pool = Self.pool(1)
    #expect(pool.starting(0) == .probe)
    #expect(pool.ended(0, reason: "exited", whileProbing: true, now: Self.now, random: 0) == .zero)
    #expect(pool.starting(0) == .legacy)
    #expect(pool.ended(0, reason: "exited", whileProbing: false, now: Self.now, random: 0) > .zero)
    #expect(pool.starting(0) == .probe)
  }

  @Test(
    "what worked is remembered over restarts", arguments: [(ProtocolRevision.v2025_06_18, SessionMachine.Opening.legacy), (.v2026_07_28, .modern)])
  func remembers(revision: ProtocolRevision, opening: SessionMachine.Opening) {
    var pool = Self.pool(2)
    _ = pool.starting(0)
    pool.opened(0, SessionInfo(revision: revision), now: Self.now)
    _ = pool.ended(0, reason: "exited", whileProbing: false, now: Self.now, random: 0)
    #expect(pool.starting(0) == opening)
    #expect(pool.starting(1) == opening)
  }

  @Test(
    "configuration decides the era where it says so",
    arguments: [(UpstreamConfiguration.EraPolicy.legacy, SessionMachine.Opening.legacy), (.modern, .modern)])
  func policy(policy: UpstreamConfiguration.EraPolicy, opening: SessionMachine.Opening) {
    var pool = Self.pool(1, policy)
    #expect(pool.starting(0) == opening)
  }

  @Test("restart delays double up to the bound and start over after a minute of health")
  func backoff() {
    var pool = Self.pool(1)
    let delays = (0..<12).map { _ in pool.ended(0, reason: "x", whileProbing: false, now: Self.now, random: 1) }
    #expect(delays.prefix(4) == [.milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800)])
    #expect(delays.last == .seconds(30))
    pool.opened(0, Self.legacy, now: Self.now)
    #expect(pool.ended(0, reason: "x", whileProbing: false, now: Self.now + .seconds(59), random: 1) == .seconds(30))
    pool.opened(0, Self.legacy, now: Self.now)
    #expect(pool.ended(0, reason: "x", whileProbing: false, now: Self.now + .seconds(60), random: 1) == .milliseconds(100))
    #expect(pool.ended(0, reason: "x", whileProbing: false, now: Self.now, random: 0) == .milliseconds(100))
  }

  @Test("who comes while nothing is ready is told when to come again")
  func retryWait() {
    var pool = Self.pool(1)
    let delay = pool.ended(0, reason: "x", whileProbing: false, now: Self.now, random: 1)
    #expect(pool.retryWait(now: Self.now) == delay + .seconds(1))
    #expect(pool.retryWait(now: Self.now + .seconds(5)) == .seconds(1))
  }
}
