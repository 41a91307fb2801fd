package import Logging
import NIOConcurrencyHelpers
package import WeirCore
package import WeirHTTPClient
package import WeirJSON
import WeirMCP

/// An upstream behind a URL. `run` finds out how to speak to it, keeps that true, and lists its tools; calls go out side by side.
package final class HTTPUpstream: SharedUpstream {
  typealias Job = @Sendable () async -> Void

  struct State {
    var session: HTTPSession?
    var generation = 0
    var lastID = 0
    var lastFailure: String?
    var retryAt: Moment?
    /// The server forgot the session and a new one is being opened: who calls meanwhile waits for it.
    var isRenewing = false
    var known: HTTPOpening.Known?
    /// The resources whose changes somebody wants to hear of, and how often that was said.
    var watched: Set<Name> = []
    var watchVersion = 0
    var isListed = false
    var listFailure: String?
    var stats = UpstreamStats()
  }

  /// Each job under way is a connection that an upstream can make Weir open.
  private static let maxJobs = 8
  private static let maxWaitingJobs = 64

  package let name: Name
  let configuration: UpstreamConfiguration
  let exchange: HTTPExchange
  let envelope: RequestEnvelope
  let time: any TimeSource
  let logger: Logger
  let keeper: CatalogKeeper
  /// Opened with every new session.
  let gate = Gate()
  /// Opened when the session is given up.
  let invalidated = Gate()
  /// Opened when other resources are to be watched.
  let watchesMoved = Gate()
  let shared: NIOLockedValueBox<State>
  let reporter: UpstreamReporter
  let questions = OpenQuestions()
  private let jobs: AsyncStream<Job>
  private let jobSink: AsyncStream<Job>.Continuation

  /// `time` must be the clock that the deadlines of requests are counted on. Nothing is sent before `run`.
  /// `client` stays the caller's, and must outlive `run`.
  package init(
    _ configuration: UpstreamConfiguration, _ http: HTTPUpstreamConfiguration, client: HTTPClient,
    observer: (any UpstreamObserver)? = nil, time: any TimeSource, logger: Logger
  ) {
    var logger = logger
    logger[metadataKey: "upstream"] = "\(configuration.name)"
    self.name = configuration.name
    self.configuration = configuration
    self.exchange = HTTPExchange(
      configuration: http, redactor: http.redactor, client: client,
      userAgent: "\(configuration.clientName)/\(configuration.clientVersion)", time: time)
    self.envelope = RequestEnvelope(clientName: configuration.clientName, clientVersion: configuration.clientVersion)
    self.time = time
    self.logger = logger
    self.reporter = UpstreamReporter(name: configuration.name, observer: observer, logger: logger)
    self.keeper = CatalogKeeper(configuration: configuration, redactor: exchange.redactor, time: time, logger: logger)
    var state = State()
    state.isRenewing = configuration.awaitsOpening
    shared = NIOLockedValueBox(state)
    (jobs, jobSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.maxWaitingJobs))
    for fault in http.faults { logger.warning("a configured header is not sent", metadata: ["why": "\(fault)"]) }
  }

  package var state: UpstreamState { reporter.state }
  package var furtherSessions: FurtherSessions {
    guard let info = shared.withLockedValue({ $0.session?.info }) else { return .none }
    if info.era == .legacy { return .forAll }
    return configuration.era == .auto ? .perhapsForLegacy : .none
  }

  package var openings: Int { shared.withLockedValue { $0.generation } }

  package func listedAnew(until deadline: Moment) async -> UpstreamCatalog? {
    await keeper.listedAnew(until: min(deadline, time.now() + configuration.listTimeout))
  }

  /// The numbers at this moment.
  package var stats: UpstreamStats {
    shared.withLockedValue { state in
      var stats = state.stats
      stats.state = reporter.state
      stats.sessionsReady = state.session == nil ? 0 : 1
      stats.restarts = max(0, state.generation - 1)
      stats.tools = keeper.catalog?.tools.count ?? 0
      return stats
    }
  }

  package func listAgain(atOnce: Bool) { keeper.listAgain(atOnce: atOnce) }

  /// Connects, lists, reconnects, until cancelled; then ends the session.
  package func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.reporter.run() }
      group.addTask { await self.runJobs() }
      group.addTask { await self.keepConnected() }
      group.addTask {
        await self.keeper.run(send: self.dispatch, info: { self.shared.withLockedValue { $0.session?.info } }, report: self.listed)
      }
    }
    await endSession()
  }

  package func send(_ request: UpstreamRequest) async throws(CallError) -> JSONDocument {
    do {
      return try await dispatch(request)
    } catch {
      shared.withLockedValue { $0.stats.failures += 1 }
      throw error
    }
  }

  /// Does something that nobody waits for, such as telling a server that a caller left. False where too many jobs wait: it is not done then.
  func later(_ job: @escaping Job) -> Bool {
    guard case .dropped = jobSink.yield(job) else { return true }
    shared.withLockedValue { $0.stats.droppedMessages += 1 }
    return false
  }

  func nextID() -> Int {
    shared.withLockedValue { state in
      state.lastID += 1
      return state.lastID
    }
  }

  private func runJobs() async {
    await withTaskGroup(of: Void.self) { group in
      var running = 0
      for await job in jobs {
        if running == Self.maxJobs {
          await group.next()
          running -= 1
        }
        group.addTask { await job() }
        running += 1
      }
    }
  }

  /// Tells a legacy server that its session is over.
  private func endSession() async {
    guard let session = shared.withLockedValue({ $0.session }), session.info.era == .legacy else { return }
    shared.withLockedValue { $0.session = nil }
    // The task that runs this is cancelled, and a cancelled task sends nothing. This one is awaited here, so it outlives nothing.
    await Task { await exchange.delete(session, until: time.now() + .seconds(2)) }.value
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
  func publish(_ state: State) {
    if state.session != nil {
      if state.isListed || !configuration.listsCatalog { return reporter.become(.ready) }
      return reporter.become(state.listFailure.map { .down(reason: $0) } ?? .connecting)
    }
    if let reason = state.lastFailure, !state.isRenewing { reporter.become(.down(reason: reason)) }
  }
}
