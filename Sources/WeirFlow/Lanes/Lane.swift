internal import NIOConcurrencyHelpers
package import WeirCore

/// The way to one provider: whoever wants to send takes a permit here and waits for its turn, a free place, a token and the budget.
///
/// `run()` has to run as long as requests come. Before and after it, `acquire` fails with `overloaded`.
package final class Lane: Sendable {
  private typealias Outcome = Result<Void, CallError>
  private typealias Continuation = CheckedContinuation<Result<Void, CallError>, Never>

  private enum Phase: Sendable { case idle, running, ended }

  private struct State: Sendable {
    var machine: LaneMachine
    var slots = WaiterSlots<Continuation, Outcome>()
    var phase = Phase.idle
    let started = Latch()
  }

  /// What is left to do after unlocking.
  private struct Aftermath {
    var resumptions: [(Continuation, Outcome)] = []
    var waits: [Duration] = []
    var timer: Moment?
  }

  /// The provider's name.
  package let name: Name
  private let time: any TimeSource
  private let alarm: Alarm
  private let jitter: @Sendable () -> Double
  private let onWait: (@Sendable (Duration) -> Void)?
  private let state: NIOLockedValueBox<State>

  /// - Parameters:
  ///   - limiter: where the tokens come from; a bucket of the configured limits where it is left out.
  ///   - jitter: random numbers in 0..<1, for the end of pauses.
  ///   - onWait: told for each request that goes how long it waited. Must not block.
  package init(
    name: Name, configuration: LaneConfiguration, time: any TimeSource, limiter: (any RateLimiter)? = nil,
    jitter: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }, onWait: (@Sendable (Duration) -> Void)? = nil
  ) {
    self.name = name
    self.time = time
    self.alarm = Alarm(time: time)
    self.jitter = jitter
    self.onWait = onWait
    self.state = NIOLockedValueBox(State(machine: LaneMachine(configuration, limiter: limiter)))
  }

  package var stats: LaneStats {
    let (now, wall) = (time.now(), time.wall())
    return state.withLockedValue { $0.machine.stats(now: now, wall: wall) }
  }

  // MARK: Service

  /// Keeps the lane's time until cancelled; then everybody who waits fails with `overloaded`. Permits that are out may still be given back.
  /// To be called once; a second call returns at once.
  package func run() async {
    let (isFirst, started) = state.withLockedValue { state in
      defer { if state.phase == .idle { state.phase = .running } }
      return (state.phase == .idle, state.started)
    }
    guard isFirst else { return }
    started.open()
    await alarm.run {
      self.perform { state, now, wall in state.machine.timer(now: now, wall: wall) }
      return nil
    }
    perform { state, _, _ in
      state.phase = .ended
      return state.machine.close()
    }
  }

  /// Returns when `run()` takes requests. For one task only.
  package func started() async {
    await state.withLockedValue { $0.started }.wait()
  }

  /// The limiter has got tokens that it could not announce.
  package func poke() {
    perform { state, now, wall in state.machine.timer(now: now, wall: wall) }
  }

  // MARK: Permits

  /// Waits for leave to send. Cancelling the task leaves the queue at once; nothing is lost by it.
  /// - Throws: `throttled` with `retryAfter` where there is no room before the deadline, `overBudget` with the time of renewal, `overloaded`
  ///   when too many wait or Weir shuts down, `timedOut` for a deadline that has passed, `cancelled`.
  package func acquire(_ request: LaneRequest) async throws(CallError) -> LanePermit {
    let id = state.withLockedValue { $0.slots.open() }
    perform { state, now, wall in
      guard state.phase == .running else { return [.refuse(id, .notRunning)] }
      return state.machine.enqueue(id, request, now: now, wall: wall)
    }
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: Continuation) in
        let outcome = state.withLockedValue { $0.slots.park(id, continuation) }
        if let outcome { continuation.resume(returning: outcome) }
      }
    } onCancel: {
      perform { state, _, _ in state.machine.cancel(id) ? [.refuse(id, .callerLeft)] : [] }
    }
    try outcome.get()
    return LanePermit(lane: self, id: id)
  }

  func sent(_ id: WaiterID) {
    let (now, wall) = (time.now(), time.wall())
    state.withLockedValue { $0.machine.sent(id, now: now, wall: wall) }
  }

  func release(_ id: WaiterID, _ outcome: LaneOutcome) {
    // A random number costs a system call, and only pauses need one.
    let jitter = if case .throttled = outcome { jitter() } else { 0.0 }
    perform { state, now, wall in state.machine.released(id, outcome, jitter: jitter, now: now, wall: wall) }
  }

  /// Lets the machine decide under the lock, settles the slots, and resumes whoever is concerned after unlocking.
  private func perform(_ event: (inout State, Moment, WallTime) -> [LaneAction]) {
    let aftermath = state.withLockedValue { state -> Aftermath in
      // Read under the lock, so that events reach the machine in the order of their times.
      let (now, wall) = (time.now(), time.wall())
      var aftermath = Aftermath()
      for action in event(&state, now, wall) {
        switch action {
        case .grant(let id, let waited):
          aftermath.waits.append(waited)
          if case .resume(let waiter) = state.slots.settle(id, .success(())) { aftermath.resumptions.append((waiter, .success(()))) }
        case .refuse(let id, let error):
          if case .resume(let waiter) = state.slots.settle(id, .failure(error)) { aftermath.resumptions.append((waiter, .failure(error))) }
        case .setTimer(let moment):
          aftermath.timer = moment
        }
      }
      return aftermath
    }
    alarm.set(aftermath.timer)
    for wait in aftermath.waits { onWait?(wait) }
    for (waiter, outcome) in aftermath.resumptions { waiter.resume(returning: outcome) }
  }
}
