import Testing
import WeirCore

@testable import WeirFlow

/// Many replicas, one key, and everything that goes wrong: replicas die and freeze, messages are lost, the store forgets, keys are removed.
@Suite("Single flight of many replicas in a model (issue 5)", .timeLimit(.minutes(5)))
struct LeaseModelTests {
  struct Trouble: Sendable, CustomStringConvertible {
    var description: String
    var lostMessages = 0.0
    var crashes = 0.0
    var freezes = 0.0
    var clears = 0.0
    var removals = 0.0
    var failures = 0.0
    /// Looks that are not answered, whether they were carried out or not.
    var lateLooks = 0.0
  }

  @Test(
    "at most one request more than leases were lost, nothing stored from before a removal, nobody waits for ever",
    arguments: [
      Trouble(description: "none"), Trouble(description: "lost messages", lostMessages: 1),
      Trouble(description: "crashes", lostMessages: 0.2, crashes: 0.0008),
      Trouble(description: "frozen leaders", freezes: 0.004), Trouble(description: "failing upstream", lostMessages: 0.2, failures: 0.5),
      Trouble(description: "late looks", lostMessages: 0.2, crashes: 0.0004, lateLooks: 0.3),
      Trouble(description: "a store that forgets", clears: 0.002), Trouble(description: "removals", removals: 0.004),
      Trouble(
        description: "all of it", lostMessages: 0.3, crashes: 0.0004, freezes: 0.003, clears: 0.001, removals: 0.001, failures: 0.2,
        lateLooks: 0.1),
    ], [UInt64(1), 2])
  func run(trouble: Trouble, seed: UInt64) {
    var run = LeaseModelRun(trouble, seed: seed)
    for _ in 0..<12_000 { run.step() }
    #expect(run.faults.isEmpty, "\(run.faults.prefix(3))")
    #expect(run.asks > 20)
    // Every request began with an empty store: a value expired, a flight ended with nothing, or a lease was lost.
    #expect(run.asks <= run.openings + run.store.lost, "\(run.asks) requests, \(run.openings) openings, \(run.store.lost) leases lost")
    if trouble.description == "none" { #expect(run.store.lost == 0 && run.refused == 0) }
    if trouble.freezes > 0 || trouble.removals > 0 { #expect(run.refused > 0) }
  }
}

struct LeaseModelRun {
  static let tick: Duration = .milliseconds(10)
  static let replicas = 8

  private let trouble: LeaseModelTests.Trouble
  private var random: SeededNumbers
  private var now = Moment(nanoseconds: 1_000_000_000)
  private var replicas = Array(repeating: ModelReplica(), count: Self.replicas)
  private var nextToken = 0
  private var lastRemoval = Moment.zero
  private(set) var store = ModelStore()
  private(set) var asks = 0
  /// How often it became right to ask: at the start, when a value or marker ended, and when a flight ended with nothing.
  private(set) var openings = 1
  private(set) var refused = 0
  private(set) var faults: [String] = []

  init(_ trouble: LeaseModelTests.Trouble, seed: UInt64) {
    self.trouble = trouble
    random = SeededNumbers(seed: seed)
  }

  mutating func step() {
    now = now + Self.tick
    let had = store.value != nil
    store.pass(to: now)
    if had, store.value == nil { openings += 1 }
    if random.chance(trouble.clears) { clear(tellingWaiters: false) }
    if random.chance(trouble.removals) {
      lastRemoval = now
      clear(tellingWaiters: true)
    }
    for index in replicas.indices.shuffled(using: &random) { act(index) }
  }

  private mutating func clear(tellingWaiters: Bool) {
    if store.value != nil { openings += 1 }
    wake(store.clear(tellingWaiters: tellingWaiters))
  }

  private mutating func act(_ index: Int) {
    if random.chance(trouble.crashes) { replicas[index] = ModelReplica(doing: .nothing(until: now + .seconds(1))) }
    if random.chance(trouble.freezes) { replicas[index].frozenUntil = now + .milliseconds(random.int(6000)) }
    guard replicas[index].frozenUntil <= now else { return }
    switch replicas[index].doing {
    case .nothing(let until):
      guard until <= now else { return }
      nextToken += 1
      look(index, LeaseMachine(longest: .seconds(60), patience: .milliseconds(75)), nextToken, since: now)
    case .waiting(let machine, let token, let until, let since):
      if now - since > .seconds(61) { faults.append("a flight waits for ever") }
      if until > now + .seconds(1) { faults.append("it looks too seldom") }
      guard replicas[index].isWoken || until <= now else { return }
      look(index, machine, token, since: since)
    case .asking(let token, let asked, let answer, let renewal, let hasLease):
      if answer <= now { return end(index, token, asked) }
      guard renewal <= now, hasLease else { return }
      let isHeld = store.renew(token, now: now)
      replicas[index].doing = .asking(token: token, asked: asked, answer: answer, renewal: now + LeaseMachine.renewal, hasLease: isHeld)
    }
  }

  private mutating func look(_ index: Int, _ before: LeaseMachine, _ token: Int, since: Moment) {
    var machine = before
    replicas[index].isWoken = false
    let answer = answer(token, of: index)
    switch machine.receive(answer, asked: now, now: now, hearsWakes: trouble.lostMessages < 1 && random.chance(0.8), jitter: random.unit()) {
    case .finish: replicas[index].doing = .nothing(until: now + .milliseconds(random.int(300)))
    case .wait(let until): replicas[index].doing = .waiting(machine, token: token, until: until, since: since)
    case .lead:
      if answer != .led { faults.append("it leads without a lease") }
      asks += 1
      let answer = now + .milliseconds(50 + random.int(2000))
      replicas[index].doing = .asking(token: token, asked: now, answer: answer, renewal: now + LeaseMachine.renewal, hasLease: true)
    case .askAlone: faults.append("it asks alone although the store answers")
    case .giveUp: replicas[index].doing = .nothing(until: now)
    }
  }

  private mutating func answer(_ token: Int, of index: Int) -> LeaseMachine.Answer {
    guard random.chance(trouble.lateLooks) else { return store.look(token, of: index, now: now) }
    if random.chance(0.5) { _ = store.look(token, of: index, now: now) }
    return .late
  }

  private mutating func end(_ index: Int, _ token: Int, _ asked: Moment) {
    replicas[index].doing = .nothing(until: now + .milliseconds(random.int(300)))
    let end: ModelStore.End
    switch random.unit() {
    case ..<(trouble.failures / 2): end = .nothing
    case ..<trouble.failures: end = .marker(now + .milliseconds(500))
    default: end = .value(.init(asked: asked, end: now + .seconds(1)))
    }
    guard let waiters = store.end(token, end) else { return refused += 1 }
    if case .value = end {} else { openings += 1 }
    if let value = store.value, value.asked < lastRemoval { faults.append("what was asked for before a removal is stored after it") }
    wake(waiters)
  }

  private mutating func wake(_ waiters: Set<Int>) {
    for index in waiters where !random.chance(trouble.lostMessages) { replicas[index].isWoken = true }
  }
}

extension SeededNumbers {
  fileprivate mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
  fileprivate mutating func chance(_ probability: Double) -> Bool { probability > 0 && unit() < probability }
  fileprivate mutating func int(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
