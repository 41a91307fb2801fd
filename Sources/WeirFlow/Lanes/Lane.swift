internal import NIOConcurrencyHelpers
package import WeirCore

/// The way to one provider: whoever wants to send takes a permit here and waits for its turn, a free place, a token and the budget.
///
/// `run()` has to run as long as requests come. Before and after it, `acquire` fails with `overloaded`.
package final class Lane: Sendable {
  private typealias Outcome = Result<Leave, CallError>
  private typealias Continuation = CheckedContinuation<Result<Leave, CallError>, Never>

  private enum Leave: Sendable {
    case permit(LaneParty?)
    case carried
  }

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
    var notices: [BudgetNotice] = []
    var wantsClaim = false

    mutating func settle(_ id: WaiterID, _ outcome: Outcome, in state: inout State) {
      if case .resume(let waiter) = state.slots.settle(id, outcome) { resumptions.append((waiter, outcome)) }
    }
  }

  /// The provider's name.
  package let name: Name
  private let time: any TimeSource
  private let alarm: Alarm
  private let jitter: @Sendable () -> Double
  private let onWait: (@Sendable (Duration) -> Void)?
  private let onBudget: (@Sendable (BudgetNotice) -> Void)?
  private let onClaim: (@Sendable () -> Void)?
  private let state: NIOLockedValueBox<State>

  /// - Parameters:
  ///   - limiter: where the tokens come from; a bucket of the configured limits where it is left out.
  ///   - jitter: random numbers in 0..<1, for the end of pauses.
  ///   - onWait: told for each request that goes or is taken along how long it waited. Must not block.
  ///   - onBudget: told when a budget is nearly used up, and when it is. Must not block.
  ///   - onClaim: told when a request waits for the fleet to allow more of a budget. Must not block.
  package init(
    name: Name, configuration: LaneConfiguration, time: any TimeSource, limiter: (any RateLimiter)? = nil,
    jitter: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }, onWait: (@Sendable (Duration) -> Void)? = nil,
    onBudget: (@Sendable (BudgetNotice) -> Void)? = nil, onClaim: (@Sendable () -> Void)? = nil
  ) {
    self.name = name
    self.time = time
    self.alarm = Alarm(time: time)
    self.jitter = jitter
    self.onWait = onWait
    self.onBudget = onBudget
    self.onClaim = onClaim
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

  /// The operator's limits are others from now on. What was spent stays spent, and who waits goes on waiting.
  /// - Returns: false where budgets are added or taken away, or have another period: those change with the next start.
  package func change(to configuration: LaneConfiguration) -> Bool {
    var isWhole = true
    perform { state, now, wall in
      let changed = state.machine.change(to: configuration, now: now, wall: wall)
      isWhole = changed.isWhole
      return changed.actions
    }
    return isWhole
  }

  /// The limiter has got tokens that it could not announce.
  package func poke() {
    perform { state, now, wall in state.machine.timer(now: now, wall: wall) }
  }

  // MARK: Fleet

  /// What this replica has used and wants of its budgets: `all` of it, or what is news; none unless they are shared.
  package func claims(all: Bool) -> [BudgetClaim] {
    let wall = time.wall()
    return state.withLockedValue { $0.machine.budgets.claims(all: all, now: wall) }
  }

  /// What the fleet answers to `claims`, and whether it is heard at all. Lets go what may go now.
  package func learn(_ shares: [BudgetShare], contact: FleetContact) {
    perform { state, now, wall in
      state.machine.budgets.learn(shares, now: wall)
      state.machine.budgets.contact(contact)
      return state.machine.timer(now: now, wall: wall)
    }
  }

  // MARK: Permits

  /// Waits for leave to send, or for another request that takes this one along. Cancelling the task leaves the queue at once; nothing is
  /// lost by it.
  /// - Throws: `throttled` with `retryAfter` where there is no room before the deadline, `overBudget` with the time of renewal, `overloaded`
  ///   when too many wait or Weir shuts down, `timedOut` for a deadline that has passed, `cancelled`.
  package func leave(_ request: LaneRequest) async throws(CallError) -> LaneLeave {
    let id = state.withLockedValue { $0.slots.open() }
    perform { state, now, wall in
      guard state.phase == .running else { return [.refuse(id, .notRunning)] }
      return state.machine.enqueue(id, request, now: now, wall: wall)
    }
    let known = state.withLockedValue { $0.slots.collect(id) }
    let outcome = if let known { known } else { await wait(for: id) }
    switch try outcome.get() {
    case .permit(let party): return .permit(LanePermit(lane: self, id: id, party: party))
    case .carried: return .carried
    }
  }

  private func wait(for id: WaiterID) async -> Outcome {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: Continuation) in
        let outcome = state.withLockedValue { $0.slots.park(id, continuation) }
        if let outcome { continuation.resume(returning: outcome) }
      }
    } onCancel: {
      perform { state, _, _ in state.machine.cancel(id) ? [.refuse(id, .callerLeft)] : [] }
    }
  }

  /// Waits for leave to send this request by itself, whatever company it could have. Else like `leave`.
  package func acquire(_ request: LaneRequest) async throws(CallError) -> LanePermit {
    switch try await leave(request.alone) {
    case .permit(let permit): return permit
    case .carried: throw CallError(.internalFault, "A request without company was taken along by another; try again.")
    }
  }

  /// The refusal that this request would get now from a budget that is to stop calls, even those for which there is a stale answer; nil where
  /// there is none. For whoever is about to give a stale answer without asking for leave.
  package func stop(of request: LaneRequest) -> CallError? {
    var refusal: CallError?
    perform { state, _, wall in
      let (error, reports) = state.machine.stop(of: request, wall: wall)
      refusal = error
      return reports
    }
    return refusal
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
        case .grant(let id, let waited, let party):
          aftermath.waits.append(waited)
          aftermath.settle(id, .success(.permit(party)), in: &state)
        case .carry(let id, let waited):
          aftermath.waits.append(waited)
          aftermath.settle(id, .success(.carried), in: &state)
        case .refuse(let id, let error):
          aftermath.settle(id, .failure(error), in: &state)
        case .setTimer(let moment):
          aftermath.timer = moment
        case .report(let notice):
          aftermath.notices.append(notice)
        case .claim:
          aftermath.wantsClaim = true
        }
      }
      return aftermath
    }
    alarm.set(aftermath.timer)
    for wait in aftermath.waits { onWait?(wait) }
    for notice in aftermath.notices { onBudget?(notice) }
    if aftermath.wantsClaim { onClaim?() }
    for (waiter, outcome) in aftermath.resumptions { waiter.resume(returning: outcome) }
  }
}
