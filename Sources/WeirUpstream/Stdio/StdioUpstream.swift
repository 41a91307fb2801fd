package import Logging
import NIOConcurrencyHelpers
package import WeirCore
package import WeirJSON
import WeirMCP

/// An upstream that is a command: a pool of its processes, each with a session of its own. Calls go to the one with the least to do.
package final class StdioUpstream: SharedUpstream {
  private struct State {
    var pool: ProcessPool
    var sessions: [ChildSession?]
    var watched: Set<Name> = []
    /// The processes that have had a session before.
    var known: Set<Int> = []
    var isListed = false
    var listFailure: String?
    var stats = UpstreamStats()

    mutating func retire(_ slot: Int, _ faults: (unknown: Int, invalid: Int)) {
      sessions[slot] = nil
      stats.unknownResponses += faults.unknown
      stats.invalidMessages += faults.invalid
    }
  }

  package let name: Name
  private let configuration: UpstreamConfiguration
  private let stdio: StdioConfiguration
  private let time: any TimeSource
  private let redactor: Redactor
  private let logger: Logger
  private let reporter: UpstreamReporter
  private let keeper: CatalogKeeper
  private let gate = Gate()
  private let shared: NIOLockedValueBox<State>

  /// `time` must be the clock that the deadlines of requests are counted on. Nothing is started before `run`.
  /// The observer hears of every change of state and tools.
  package init(
    _ configuration: UpstreamConfiguration, _ stdio: StdioConfiguration, observer: (any UpstreamObserver)? = nil,
    time: any TimeSource, logger: Logger
  ) {
    var logger = logger
    logger[metadataKey: "upstream"] = "\(configuration.name)"
    self.name = configuration.name
    self.configuration = configuration
    self.stdio = stdio
    self.time = time
    self.redactor = stdio.redactor
    self.logger = logger
    self.reporter = UpstreamReporter(name: configuration.name, observer: observer, logger: logger)
    self.keeper = CatalogKeeper(configuration: configuration, redactor: redactor, time: time, logger: logger)
    let pool = ProcessPool(
      processes: stdio.processes, policy: configuration.era, restartDelays: stdio.restartDelays, healthyAfter: stdio.healthyAfter)
    self.shared = NIOLockedValueBox(State(pool: pool, sessions: Array(repeating: nil, count: pool.slots.count)))
  }

  package var state: UpstreamState { reporter.state }
  /// A process more is not for the asking.
  package var furtherSessions: FurtherSessions { .none }

  /// The numbers at this moment.
  package var stats: UpstreamStats {
    shared.withLockedValue { state in
      var stats = state.stats
      stats.state = reporter.state
      stats.sessionsReady = state.pool.readyCount
      stats.restarts = state.pool.slots.reduce(0) { $0 + max(0, $1.starts - 1) }
      stats.inFlight = state.pool.slots.reduce(0) { $0 + $1.inFlight }
      stats.tools = keeper.catalog?.tools.count ?? 0
      for case let session? in state.sessions {
        stats.unknownResponses += session.faults.unknown
        stats.invalidMessages += session.faults.invalid
      }
      return stats
    }
  }

  /// Starts the processes and keeps them running until cancelled. When it returns, none of them is left.
  package func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.reporter.run() }
      for slot in 0..<shared.withLockedValue({ $0.pool.slots.count }) { group.addTask { await self.supervise(slot) } }
      group.addTask {
        await self.keeper.run(send: self.dispatch, info: { self.shared.withLockedValue { $0.pool.info } }, report: self.listed)
      }
    }
  }

  package func send(_ request: UpstreamRequest) async throws(CallError) -> JSONDocument {
    do {
      return try await dispatch(request)
    } catch {
      shared.withLockedValue { $0.stats.failures += 1 }
      throw error
    }
  }

  package func listAgain(atOnce: Bool) { keeper.listAgain(atOnce: atOnce) }

  /// One process is enough to hear of a resource.
  package func watch(_ uris: Set<Name>) {
    let session = shared.withLockedValue { state in
      state.watched = uris
      return state.sessions.first ?? nil
    }
    session?.watch(uris)
  }

  package var openings: Int { shared.withLockedValue { $0.pool.slots.reduce(0) { $0 + $1.starts } } }

  package func tell(_ method: String) {
    for case let session? in shared.withLockedValue({ $0.sessions }) { session.tell(method) }
  }

  // MARK: Calls

  /// Sends to one process. A call that was never sent goes to another; one that may be repeated is sent once more where its process is lost.
  @Sendable private func dispatch(_ request: UpstreamRequest) async throws(CallError) -> JSONDocument {
    guard var target = await first(until: request.deadline) else { throw unavailable() }
    var isRepeated = false
    while true {
      switch await attempt(request, on: target) {
      case .success(let document): return document
      case .failure(.call(let error)): throw error
      case .failure(.notSent):
        let next = isRepeated ? await takeWhenReady(avoiding: target.slot, until: request.deadline) : take(avoiding: target.slot)
        guard let next, request.deadline > time.now() else { throw unavailable() }
        target = next
      case .failure(.lost(let reason)):
        guard request.isRepeatable, !isRepeated else { throw ErrorText.lost(name, isRepeated ? "twice: \(reason)" : reason, wait: retryWait) }
        isRepeated = true
        guard let next = await takeWhenReady(avoiding: target.slot, until: request.deadline) else {
          throw Task.isCancelled ? ErrorText.cancelled(name) : ErrorText.lost(name, reason, wait: retryWait)
        }
        target = next
      }
    }
  }

  private func first(until deadline: Moment) async -> (slot: Int, session: ChildSession)? {
    if let target = take(avoiding: nil) { return target }
    return configuration.awaitsOpening ? await takeWhenReady(avoiding: nil, until: deadline) : nil
  }

  private func attempt(_ request: UpstreamRequest, on target: (slot: Int, session: ChildSession)) async -> ChildSession.Answer {
    let answer = await target.session.send(request)
    shared.withLockedValue { state in
      // The slot's counter starts anew with every session.
      if state.sessions[target.slot] === target.session { state.pool.release(target.slot) }
    }
    return answer
  }

  private func take(avoiding slot: Int?) -> (slot: Int, session: ChildSession)? {
    shared.withLockedValue { state in
      guard let slot = state.pool.take(avoiding: slot), let session = state.sessions[slot] else { return nil }
      state.stats.requests += 1
      return (slot, session)
    }
  }

  private func takeWhenReady(avoiding slot: Int?, until deadline: Moment) async -> (slot: Int, session: ChildSession)? {
    while !Task.isCancelled {
      if let target = take(avoiding: slot) { return target }
      guard await gate.wait(time, until: deadline, isOpen: { self.shared.withLockedValue { $0.pool.readyCount > 0 } }) else { return nil }
    }
    return nil
  }

  private func unavailable() -> CallError {
    ErrorText.down(name, shared.withLockedValue { $0.pool.lastFailure } ?? "it is still starting", wait: retryWait)
  }

  private var retryWait: Duration { shared.withLockedValue { $0.pool.retryWait(now: time.now()) } }

  // MARK: Processes

  private func supervise(_ slot: Int) async {
    while !Task.isCancelled {
      let opening = shared.withLockedValue { $0.pool.starting(slot) }
      let session = makeSession(slot, opening)
      let watched = shared.withLockedValue { state in
        state.sessions[slot] = session
        return slot == 0 ? state.watched : []
      }
      session.watch(watched)
      let child = ChildProcess(configuration: stdio, time: time, logger: logger) { count in
        self.shared.withLockedValue { $0.stats.droppedLogLines += count }
      }
      let reason = await withTaskGroup(of: Void.self) { group in
        group.addTask { await session.answerQuestions() }
        let reason = await child.run(session)
        group.cancelAll()
        return reason
      }
      if Task.isCancelled {
        let faults = session.faults
        return shared.withLockedValue { $0.retire(slot, faults) }
      }
      let delay = ended(slot, session, reason)
      do { try await time.sleep(until: time.now() + delay) } catch { return }
    }
  }

  private func makeSession(_ slot: Int, _ opening: SessionMachine.Opening) -> ChildSession {
    ChildSession(
      machine: SessionMachine(configuration: configuration, opening: opening, redactor: redactor), configuration: stdio, upstream: name, time: time,
      logger: logger, home: configuration.home,
      listener: ChildSession.Listener(
        opened: { info in self.opened(slot, info) },
        listsChanged: { if self.keeper.changed($0) { self.reporter.announceChange() } },
        resourceUpdated: { self.reporter.updated($0) },
        closed: { self.shared.withLockedValue { $0.pool.closed(slot) } }))
  }

  private func opened(_ slot: Int, _ info: SessionInfo) {
    let (isNew, watched) = shared.withLockedValue { state in
      state.pool.opened(slot, info, now: time.now())
      publish(state)
      return (state.known.insert(slot).inserted, state.watched)
    }
    logger.debug("upstream opened a session", metadata: ["revision": "\(info.revision.rawValue)", "process": "\(slot)"])
    if !isNew { reporter.renewed(watching: watched) }
    gate.open()
    keeper.sessionOpened()
  }

  private func ended(_ slot: Int, _ session: ChildSession, _ reason: String) -> Duration {
    let wasProbing = session.wasProbing
    let faults = session.faults
    let delay = shared.withLockedValue { state in
      state.retire(slot, faults)
      let delay = state.pool.ended(slot, reason: reason, whileProbing: wasProbing, now: time.now(), random: .random(in: 0..<1))
      if delay > .zero { publish(state) }
      return delay
    }
    logger.log(
      level: wasProbing ? .debug : .warning, "a process of the upstream ended",
      metadata: ["reason": "\(reason)", "process": "\(slot)", "restart_s": "\(delay.inSeconds)"])
    return delay
  }

  private func listed(_ result: Result<UpstreamCatalog, CallError>) {
    if case .success(let catalog) = result { reporter.offer(catalog, announced: keeper.takeAnnounced()) }
    shared.withLockedValue { state in
      switch result {
      case .success:
        state.isListed = true
        state.listFailure = nil
      case .failure(let error):
        state.listFailure = error.message
      }
      publish(state)
    }
  }

  /// Called under the lock, so that states are told in their order.
  private func publish(_ state: State) {
    if state.pool.readyCount > 0 {
      if state.isListed || !configuration.listsCatalog { return reporter.become(.ready) }
      return reporter.become(state.listFailure.map { .down(reason: $0) } ?? .connecting)
    }
    if let reason = state.pool.lastFailure { reporter.become(.down(reason: reason)) }
  }
}
