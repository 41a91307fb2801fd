internal import NIOConcurrencyHelpers
package import WeirCore

/// Single flight: identical calls under way become one (design decision 6). A flight belongs to nobody: whoever leaves leaves alone.
///
/// `run()` is the parent of every fetch and has to run as long as calls come. Before and after it, `join` fails with `overloaded`.
package final class Flights<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  package typealias Outcome = Result<Value, CallError>
  package typealias Fetch = @Sendable (FlightHandle) async -> Outcome
  private typealias Table = FlightTable<Key, CheckedContinuation<Outcome, Never>, Outcome>

  private struct Job: Sendable {
    let id: FlightID
    let hardDeadline: Moment
    let cancellation: Latch
    let fetch: Fetch
  }

  private enum Phase: Sendable { case idle, running, ended }

  private struct State: Sendable {
    var table: Table
    var phase = Phase.idle
    var cancellations: [FlightID: Latch] = [:]
    /// Jobs that `run()` has not taken yet.
    var queued: Set<FlightID> = []
    let started = Latch()
  }

  private let time: any TimeSource
  private let alarm: Alarm
  private let state: NIOLockedValueBox<State>
  /// Unbounded by itself; the table bounds it, since a flight counts until its task is gone.
  private let jobs: AsyncStream<Job>
  private let queue: AsyncStream<Job>.Continuation

  package init(configuration: FlightConfiguration = FlightConfiguration(), time: any TimeSource) {
    self.time = time
    self.alarm = Alarm(time: time)
    self.state = NIOLockedValueBox(State(table: Table(configuration: configuration)))
    (self.jobs, self.queue) = AsyncStream.makeStream(of: Job.self)
  }

  package var stats: FlightStats { state.withLockedValue { $0.table.stats } }

  /// True where nothing is kept: for tests of what is left behind.
  package var isEmpty: Bool { state.withLockedValue { $0.table.isEmpty && $0.cancellations.isEmpty } }

  // MARK: Service

  /// Runs the fetches until cancelled; then everybody who waits fails with `overloaded`, and it returns when the last fetch has returned.
  /// To be called once; a second call returns at once.
  package func run() async {
    let (isFirst, started) = state.withLockedValue { state in
      defer { if state.phase == .idle { state.phase = .running } }
      return (state.phase == .idle, state.started)
    }
    guard isFirst else { return }
    started.open()
    await withDiscardingTaskGroup { group in
      // Children of `run`: the alarm and every flight end with it, so no flight outlives the service.
      group.addTask { await self.alarm.run { self.expire() } }
      for await job in jobs {
        state.withLockedValue { _ = $0.queued.remove(job.id) }
        group.addTask { await self.fly(job) }
      }
      close()
      group.cancelAll()
    }
  }

  /// Returns when `run()` takes calls. For one task only.
  package func started() async {
    await state.withLockedValue { $0.started }.wait()
  }

  // MARK: Callers

  /// The answer for `key`: from the flight that is under way, or from `fetch`, which runs once for all who ask in the meantime.
  ///
  /// Cancelling the caller's task makes this caller leave, at once, with `cancelled`; the others are not disturbed.
  /// - Parameters:
  ///   - deadline: when this caller stops waiting, with `timedOut`; the flight goes on.
  ///   - limit: how long the flight may last where this call starts it, instead of the configured limit.
  ///   - onProgress: called in order for each report while this caller waits; must not block. One report that was being handed out may
  ///     still come while the call returns `cancelled` or `timedOut`.
  ///   - fetch: must return soon after it is cancelled; if it does not, its key and its waiters are free nonetheless.
  /// - Returns: failures: what `fetch` failed with; `timedOut`; `cancelled`; `overloaded` when a bound is reached or Weir shuts down.
  package func join(
    _ key: Key, deadline: Moment, limit: Duration? = nil, onProgress: (@Sendable (CallProgress) -> Void)? = nil, fetch: @escaping Fetch
  ) async -> FlightResult<Value> {
    let now = time.now()
    guard now < deadline else { return FlightResult(result: .failure(.waiterTimedOut), role: .led) }
    let (join, job, next) = state.withLockedValue { state -> (Table.Join, Job?, Moment?) in
      guard state.phase == .running else { return (.refused(.notRunning), nil, nil) }
      let join = state.table.join(key, deadline: deadline, now: now, limit: limit, listener: onProgress)
      guard case .led(let id, _, let hardDeadline) = join else { return (join, nil, state.table.nextDeadline) }
      return (join, prepare(id, hardDeadline, fetch, &state), state.table.nextDeadline)
    }
    alarm.set(next)
    if let job { enqueue(job) }
    switch join {
    case .refused(let error): return FlightResult(result: .failure(error), role: .led)
    case .led(_, let waiter, _): return FlightResult(result: await outcome(of: waiter), role: .led)
    case .joined(_, let waiter): return FlightResult(result: await outcome(of: waiter), role: .joined)
    }
  }

  /// Starts a flight that nobody waits for, to renew what a stale answer was given from; callers may join it.
  /// - Returns: false where one of this key is under way already, a bound is reached, or Weir shuts down.
  @discardableResult
  package func refresh(_ key: Key, limit: Duration? = nil, fetch: @escaping Fetch) -> Bool {
    let now = time.now()
    let (job, next) = state.withLockedValue { state -> (Job?, Moment?) in
      guard state.phase == .running, let (id, hardDeadline) = state.table.refresh(key, now: now, limit: limit) else { return (nil, nil) }
      return (prepare(id, hardDeadline, fetch, &state), state.table.nextDeadline)
    }
    alarm.set(next)
    guard let job else { return false }
    enqueue(job)
    return true
  }

  private func prepare(_ id: FlightID, _ hardDeadline: Moment, _ fetch: @escaping Fetch, _ state: inout State) -> Job {
    let job = Job(id: id, hardDeadline: hardDeadline, cancellation: Latch(), fetch: fetch)
    state.cancellations[id] = job.cancellation
    state.queued.insert(id)
    return job
  }

  private func enqueue(_ job: Job) {
    // The stream has ended where `run()` was cancelled in between; `close()` answers the waiters.
    if case .terminated = queue.yield(job) { taskEnded(job.id) }
  }

  private func outcome(of waiter: WaiterID) async -> Outcome {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let outcome = state.withLockedValue { $0.table.park(waiter, continuation) }
        if let outcome { continuation.resume(returning: outcome) }
      }
    } onCancel: {
      perform { $0.leave(waiter, .failure(.callerLeft)) }
    }
  }

  // MARK: Fetches

  private func fly(_ job: Job) async {
    defer { taskEnded(job.id) }
    guard isLive(job.id) else { return }
    let handle = FlightHandle(id: job.id, deadline: job.hardDeadline, owner: self)
    await withTaskGroup(of: Void.self) { group in
      // The fetch and who may cancel it: the first to end cancels the other, and both are awaited.
      group.addTask {
        let outcome = await job.fetch(handle)
        self.finish(job.id, outcome)
      }
      group.addTask { await job.cancellation.wait() }
      await group.next()
      group.cancelAll()
    }
  }

  private func finish(_ id: FlightID, _ outcome: Outcome) {
    var outcome = outcome
    // A cancellation is never shared: nobody who still waits has asked for it.
    if case .failure(let error) = outcome, error.reason == .cancelled { outcome = .failure(Task.isCancelled ? .shuttingDown : .fetchCancelled) }
    let waiters = state.withLockedValue { $0.table.finish(id, outcome) }
    for waiter in waiters { waiter.resume(returning: outcome) }
  }

  private func taskEnded(_ id: FlightID) {
    state.withLockedValue { state in
      state.table.taskEnded(id)
      state.cancellations[id] = nil
      state.queued.remove(id)
    }
  }

  // MARK: Endings

  private func expire() -> Moment? {
    let now = time.now()
    perform { $0.expire(now: now, waiter: .failure(.waiterTimedOut), flight: .failure(.flightTimedOut)) }
    return state.withLockedValue { $0.table.nextDeadline }
  }

  private func close() {
    queue.finish()
    let neverStarted = state.withLockedValue { state in
      state.phase = .ended
      return state.queued
    }
    perform { $0.close(.failure(.shuttingDown)) }
    for id in neverStarted { taskEnded(id) }
  }

  private func perform(_ event: (inout Table) -> Table.Ending) {
    let (ending, cancellations) = state.withLockedValue { state -> (Table.Ending, [Latch]) in
      let ending = event(&state.table)
      return (ending, ending.cancelled.compactMap { state.cancellations[$0] })
    }
    for (waiter, outcome) in ending.resumptions { waiter.resume(returning: outcome) }
    for cancellation in cancellations { cancellation.open() }
  }
}

extension Flights: FlightOwner {
  func waitersDeadline(of id: FlightID) -> Moment? { state.withLockedValue { $0.table.waitersDeadline(of: id) } }

  private func isLive(_ id: FlightID) -> Bool { state.withLockedValue { $0.table.isLive(id) } }

  func markDispatched(_ id: FlightID) -> Bool { state.withLockedValue { $0.table.markDispatched(id) } }

  func report(_ progress: CallProgress, by id: FlightID) {
    let listeners = state.withLockedValue { $0.table.listeners(of: id) }
    for listener in listeners { listener(progress) }
  }
}
