import Testing
import WeirCore
import WeirTestSupport

@testable import WeirFlow

@Suite("What a flight does about those of other replicas (issue 5)", .timeLimit(.minutes(5)))
struct LeaseMachineTests {
  let start = Moment(nanoseconds: 1_000_000_000)

  private func machine(longest: Duration = .seconds(60)) -> LeaseMachine { LeaseMachine(longest: longest, patience: .milliseconds(75)) }

  @Test("who follows, and was late itself, looks on while the lease lives, less and less often; then it asks alone")
  func patience() {
    var machine = self.machine()
    _ = machine.receive(.followed(remaining: .seconds(2)), now: start, hearsWakes: true, jitter: 0.5)
    let lost = start + .milliseconds(700)
    #expect(!machine.isInTheDark)
    for pause in [25, 50, 100, 200, 250, 250] {
      #expect(machine.receive(.late, now: lost, hearsWakes: false, jitter: 1) == .wait(until: lost + .milliseconds(pause)))
      #expect(machine.isInTheDark)
    }
    #expect(machine.receive(.late, now: start + .seconds(3.7), hearsWakes: false, jitter: 1) == .askAlone)
    // What the store says next counts again.
    _ = machine.receive(.followed(remaining: .seconds(3)), now: start + .seconds(4), hearsWakes: true, jitter: 0.5)
    #expect(!machine.isInTheDark)
    let again = machine.receive(.late, now: start + .seconds(5), hearsWakes: true, jitter: 1)
    #expect(again == .wait(until: start + .milliseconds(5025)))
  }

  @Test("a store that says nothing keeps who follows waiting for as long as one question may take (issue 5)")
  func silence() {
    // A look that was not answered in time has taken that long.
    var patient = machine()
    _ = patient.receive(.followed(remaining: .seconds(3)), now: start, hearsWakes: true, jitter: 0.5)
    let asked = start + .seconds(1)
    #expect(patient.receive(.unavailable, asked: asked, now: asked + .milliseconds(75), hearsWakes: true, jitter: 1) == .askAlone)
    // One that is refused at once is repeated, for connections may be made again.
    var refused = machine()
    _ = refused.receive(.followed(remaining: .seconds(3)), now: start, hearsWakes: true, jitter: 0.5)
    #expect(refused.receive(.unavailable, now: asked, hearsWakes: true, jitter: 1) == .wait(until: asked + .milliseconds(25)))
    let second = asked + .milliseconds(25)
    #expect(refused.receive(.unavailable, now: second, hearsWakes: true, jitter: 1) == .wait(until: asked + .milliseconds(75)))
    #expect(refused.receive(.unavailable, now: asked + .milliseconds(75), hearsWakes: true, jitter: 1) == .askAlone)
    // Not longer than the lease lives.
    var late = machine()
    _ = late.receive(.followed(remaining: .milliseconds(30)), now: start, hearsWakes: true, jitter: 0.5)
    #expect(late.receive(.unavailable, now: start + .milliseconds(20), hearsWakes: true, jitter: 1) == .wait(until: start + .milliseconds(30)))
    #expect(late.receive(.unavailable, now: start + .milliseconds(30), hearsWakes: true, jitter: 1) == .askAlone)
  }

  @Test("who was late itself looks on for as long as a lease, and no longer than it may take; who was not asks alone at once")
  func lateness() {
    for (longest, most) in [(60, 3), (1, 1)] {
      var machine = self.machine(longest: .seconds(longest))
      var now = start
      while case .wait(let until) = machine.receive(.late, now: now, hearsWakes: true, jitter: 1) {
        #expect(until > now && until <= now + .milliseconds(250))
        now = until
      }
      #expect(now == start + .seconds(most))
      #expect(!machine.hasFollowed && machine.isInTheDark)
    }
    // A process that stood still looks on all the same, a few times.
    var sleeper = machine()
    _ = sleeper.receive(.late, now: start, hearsWakes: true, jitter: 1)
    let awake = start + .seconds(10)
    for pause in [50, 100, 200, 250] {
      #expect(sleeper.receive(.late, now: awake, hearsWakes: true, jitter: 1) == .wait(until: awake + .milliseconds(pause)))
    }
    #expect(sleeper.receive(.late, now: awake, hearsWakes: true, jitter: 1) == .askAlone)
    var machine = self.machine()
    #expect(machine.receive(.unavailable, now: start, hearsWakes: true, jitter: 1) == .askAlone)
    guard case .wait = machine.receive(.late, now: start, hearsWakes: true, jitter: 1) else {
      return #expect(Bool(false), "it has no patience")
    }
    #expect(machine.receive(.unavailable, now: start + .milliseconds(25), hearsWakes: true, jitter: 1) == .askAlone)
  }

  @Test(
    "what a look says is done",
    arguments: [
      (LeaseMachine.Answer.settled, LeaseMachine.Step.finish), (.led, .lead), (.unshared, .askAlone),
    ])
  func steps(answer: LeaseMachine.Answer, step: LeaseMachine.Step) {
    var machine = self.machine()
    #expect(machine.receive(answer, now: start, hearsWakes: true, jitter: 0.5) == step)
    #expect(!machine.hasFollowed)
    _ = machine.receive(.followed(remaining: .seconds(3)), now: start, hearsWakes: true, jitter: 0.5)
    #expect(machine.receive(answer, now: start + .seconds(1), hearsWakes: true, jitter: 0.5) == step)
    #expect(machine.hasFollowed)
  }

  @Test("while wakes are not heard, it looks after 25, 50, 100, 200 and then every 250 ms, each with jitter")
  func polling() {
    for (jitter, share) in [(0.0, 0.5), (1.0, 1.0)] {
      var machine = self.machine()
      for milliseconds in [25, 50, 100, 200, 250, 250, 250] {
        let step = machine.receive(.followed(remaining: .seconds(3)), now: start, hearsWakes: false, jitter: jitter)
        #expect(step == .wait(until: start + .milliseconds(milliseconds) * share))
      }
    }
  }

  @Test(
    "while wakes are heard, it looks when the lease would end, and once a second",
    arguments: [(3000, 0.0, 1000), (400, 0.0, 400), (400, 1.0, 450), (-1, 0.5, 25), (980, 1.0, 1000)])
  func hearing(remaining: Int, jitter: Double, pause: Int) {
    var machine = self.machine()
    let step = machine.receive(.followed(remaining: .milliseconds(remaining)), now: start, hearsWakes: true, jitter: jitter)
    #expect(step == .wait(until: start + .milliseconds(pause)))
  }

  @Test("it follows for so long and no longer, and never asks unled then")
  func givesUp() {
    var machine = self.machine(longest: .seconds(10))
    var now = start
    while case .wait(let until) = machine.receive(.followed(remaining: .seconds(3)), now: now, hearsWakes: true, jitter: 0.3) {
      #expect(until > now && until <= start + .seconds(10))
      now = until
    }
    #expect(now == start + .seconds(10))
    #expect(machine.receive(.followed(remaining: .seconds(3)), now: now, hearsWakes: true, jitter: 0) == .giveUp)
    #expect(machine.receive(.led, now: now, hearsWakes: true, jitter: 0) == .lead)
  }

  @Test("callers hear every five seconds that others ask")
  func beats() {
    var machine = self.machine()
    #expect(machine.beat(now: start + .seconds(60)) == nil)
    _ = machine.receive(.followed(remaining: .seconds(3)), now: start, hearsWakes: true, jitter: 0)
    #expect(machine.beat(now: start + .milliseconds(4999)) == nil)
    #expect(machine.beat(now: start + .seconds(5)) == 1)
    #expect(machine.beat(now: start + .seconds(6)) == nil)
    #expect(machine.beat(now: start + .seconds(10)) == 2)
  }

  @Test("a wake is remembered once; a moment and a cancellation end the wait")
  func signal() async {
    let (time, signal) = (ManualTime(), WakeSignal())
    signal.wake()
    signal.wake()
    #expect(await signal.wait(until: time.now() + .seconds(1), on: time))
    async let second = signal.wait(until: time.now() + .seconds(1), on: time)
    await time.sleepers(atLeast: 1)
    time.advance(by: .seconds(1))
    #expect(await !second)
    async let third = signal.wait(until: time.now() + .seconds(1), on: time)
    await time.sleepers(atLeast: 1)
    signal.wake()
    #expect(await third)
    let cancelled = await withTaskGroup(of: Bool.self) { group in
      group.addTask { await signal.wait(until: time.now() + .seconds(1), on: time) }
      group.cancelAll()
      return await group.next()
    }
    #expect(cancelled == false)
  }
}

extension LeaseMachine {
  /// The answer came at once.
  fileprivate mutating func receive(_ answer: Answer, now: Moment, hearsWakes: Bool, jitter: Double) -> Step {
    receive(answer, asked: now, now: now, hearsWakes: hearsWakes, jitter: jitter)
  }
}
