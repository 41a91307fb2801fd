import Hummingbird
import HummingbirdCore
package import Logging
import NIOConcurrencyHelpers
import NIOCore
import ServiceLifecycle
package import WeirCore
package import WeirPipeline

/// The HTTP front: MCP at `/mcp` and `/mcp/<upstream>`, health and metrics beside it.
///
/// `run()` listens until graceful shutdown or cancellation. It then takes no further connection or request, ends the event streams and lets
/// calls in flight finish for `limits.drainGrace`. Calls that have not are answered with a tool result that says so; a second later it closes
/// what is left and returns. The listener closes when the draining begins, so a new connection is refused and does not see a 503 at `/readyz`;
/// that answer is only for a request that was under way.
package final class Front: Service {
  private let core: FrontCore
  private let logger: Logger
  private let bound: Bound

  /// What tells open streams of changes.
  package let notifier: FrontNotifier

  package init(
    configuration: FrontConfiguration, gateway: any Gateway, hooks: FrontHooks = FrontHooks(), fleet: FrontFleet? = nil,
    time: any TimeSource = SystemTime(), logger: Logger
  ) {
    let core = FrontCore(configuration: configuration, gateway: gateway, hooks: hooks, fleet: fleet, time: time)
    self.core = core
    self.logger = logger
    bound = Bound(expected: configuration.adminAddress == nil ? 1 : 2)
    notifier = FrontNotifier(sessions: core.sessions, listeners: core.listeners, table: core.table)
  }

  /// Numbers of this moment.
  package var stats: FrontStats {
    var stats = core.table.stats
    stats.sessions = core.sessions.count
    stats.adoptedSessions = core.sessions.adoptedCount
    return stats
  }

  /// Before the process ends: `/readyz` answers 503 and connections end with their next answer, so that balancers and clients go elsewhere, while
  /// every request is still served.
  package func leave() { core.beginLeaving() }

  /// Ends the open streams of principals that are none any more.
  package func dismiss(unless isKnown: (_ principal: Name) -> Bool) {
    for stream in core.sessions.openStreams where !isKnown(stream.principal) { stream.end() }
    for stream in core.listeners.all where !isKnown(stream.principal) { stream.end() }
  }

  /// What another replica tells.
  package func hear(_ news: FrontNews) { core.sessions.hear(news) }

  /// Sessions that are over, by the first bytes of their names (`FrontNews.mark`).
  package func hear(over marks: [Name]) { core.sessions.hear(over: marks) }

  /// The ports that were taken, as soon as the front listens. Nil: it ended before.
  package func ports() async -> (main: Int, admin: Int?)? { await bound.ports() }

  /// - Throws: an address cannot be listened on.
  package func run() async throws {
    defer { bound.ended() }
    try await withGracefulShutdownHandler {
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { await self.keepHouse() }
        tasks.addTask { await self.drain() }
        tasks.addTask { await self.core.background.run() }
        tasks.addTask { await self.keepStreams() }
        try await self.listen()
        tasks.cancelAll()
      }
    } onGracefulShutdown: {
      self.core.beginDraining()
      self.core.table.drain()
      for stream in self.core.sessions.openStreams { self.core.endIfDrained(stream) }
      for stream in self.core.listeners.all { stream.end() }
      self.core.endCarried(openEndedOnly: true)
    }
  }

  private func listen() async throws {
    var services: [any Service] = [application(.main, core.configuration.address)]
    if let address = core.configuration.adminAddress { services.append(application(.admin, address)) }
    try await ServiceGroup(configuration: .init(services: services, logger: logger)).run()
  }

  private func application(_ listener: ReceivedRequest.Listener, _ address: FrontAddress) -> any Service {
    var quiet = logger
    // Weir says itself where it listens.
    quiet.logLevel = max(logger.logLevel, .notice)
    return Application(
      responder: FrontResponder(core: core),
      server: HTTPServerBuilder { [core] in FrontChannel(core: core, listener: listener, responder: $0) },
      configuration: ApplicationConfiguration(address: .hostname(address.host, port: address.port), serverName: nil),
      onServerRunning: { [bound] channel in bound.listens(listener, port: channel.localAddress?.port ?? address.port) },
      // The process's loops, which nobody shuts down: Hummingbird still asks them for work after its server has ended.
      eventLoopGroupProvider: .singleton, logger: quiet)
  }

  /// Forgets idle sessions once a minute.
  private func keepHouse() async {
    while !Task.isCancelled {
      try? await core.time.sleep(until: core.time.now() + .seconds(60))
      core.sessions.expire(now: core.time.now())
      core.parked.expire(now: core.time.now())
    }
  }

  private func keepStreams() async {
    while !Task.isCancelled {
      try? await core.time.sleep(until: core.time.now() + core.configuration.limits.streamKeepAlive)
      core.keepStreams()
    }
  }

  /// After graceful shutdown began: gives calls their grace, then closes what is left.
  private func drain() async {
    do { try await gracefulShutdown() } catch { return }
    logger.info("draining", metadata: ["connections": "\(stats.connections)"])
    do { try await core.time.sleep(until: core.time.now() + core.configuration.limits.drainGrace) } catch { return }
    logger.notice("ending calls that did not end in time", metadata: ["connections": "\(stats.connections)"])
    core.endCalls()
    do { try await core.time.sleep(until: core.time.now() + .seconds(1)) } catch { return }
    core.table.closeAll()
  }
}

extension Front {
  /// The ports, for whoever waits to know them.
  private final class Bound: Sendable {
    private struct State {
      var main: Int?
      var admin: Int?
      var isOver = false
      var waiters: [CheckedContinuation<(main: Int, admin: Int?)?, Never>] = []
    }

    private let expected: Int
    private let state = NIOLockedValueBox(State())

    init(expected: Int) {
      self.expected = expected
    }

    func listens(_ listener: ReceivedRequest.Listener, port: Int) {
      update { state in
        switch listener {
        case .main: state.main = port
        case .admin: state.admin = port
        }
      }
    }

    func ended() { update { $0.isOver = true } }

    func ports() async -> (main: Int, admin: Int?)? {
      await withCheckedContinuation { continuation in update { $0.waiters.append(continuation) } }
    }

    private func update(_ change: (inout State) -> Void) {
      let (waiters, ports) = state.withLockedValue { state in
        change(&state)
        var ports: (main: Int, admin: Int?)?
        if let main = state.main, expected == 1 || state.admin != nil { ports = (main, state.admin) }
        guard ports != nil || state.isOver else { return ([CheckedContinuation<(main: Int, admin: Int?)?, Never>](), ports) }
        defer { state.waiters = [] }
        return (state.waiters, ports)
      }
      for waiter in waiters { waiter.resume(returning: ports) }
    }
  }
}
