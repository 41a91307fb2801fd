internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore

/// A primary with replicas: the Sentinels say which of them is the primary, and it is asked whether it knows (`ROLE`), since Sentinels may be
/// behind (https://redis.io/docs/latest/develop/reference/sentinel-clients/).
final class SentinelTopology: RedisTopology {
  private struct State {
    var primary: RedisNode?
    var ring: SentinelRing
    var hasWarned = false
  }

  private let name: String
  private let nodes: RedisNodes
  private let sentinels: RedisDialer
  private let state: NIOLockedValueBox<State>
  /// A Sentinel says when it has switched: the old primary may go on as one for seconds.
  private let switches: RedisSubscriber
  private var monitor: RedisMonitor { nodes.monitor }

  init(name: String, sentinels addresses: [RedisEndpoint], dialer: RedisDialer, nodes: RedisNodes) {
    self.name = name
    self.nodes = nodes
    sentinels = dialer
    let state = NIOLockedValueBox(State(ring: SentinelRing(addresses)))
    self.state = state
    switches = RedisSubscriber(dialer: dialer, monitor: nodes.monitor) {
      state.withLockedValue { $0.ring.order.first }.map { .init(endpoint: $0) { true } }
    }
  }

  func node(for slot: ClusterSlot?) -> RedisNode? {
    if let primary = state.withLockedValue({ $0.primary }) { return primary }
    monitor.trouble.raise()
    return nil
  }

  func follow(_ address: RedisAddress, moved slot: ClusterSlot?, from node: RedisNode) -> RedisNode? { nil }

  var isReady: Bool { state.withLockedValue { $0.primary }?.isReady == true }

  func run() async {
    let loop = monitor.group.next()
    let news = switches.subscribe(to: Array("+switch-master".utf8), buffered: 16)
    await withDiscardingTaskGroup { tasks in
      tasks.addTask { await self.switches.run() }
      tasks.addTask { for await _ in news { self.monitor.trouble.raise() } }
      await monitor.trouble.follow(on: loop) { await self.find(on: loop) }
    }
  }

  /// Asks one Sentinel after the other until one names a primary that is one.
  /// - Returns: False where none did.
  private func find(on loop: any EventLoop) async -> Bool {
    var problems: [String] = []
    for sentinel in state.withLockedValue({ $0.ring.order }) {
      if Task.isCancelled { return false }
      do {
        let reply = try await sentinels.ask(sentinel, SentinelAnswer.question(name), on: loop)
        switch SentinelAnswer(reply, asked: sentinel) {
        case .primary(let endpoint):
          try await adopt(endpoint, on: loop)
          state.withLockedValue { state in
            state.ring.wasRight(sentinel)
            state.hasWarned = false
          }
          return true
        case .unknownName: problems.append("\(sentinel) watches no primary called \(name)")
        case .unusable(let why): problems.append("\(sentinel): \(why)")
        }
      } catch {
        problems.append("\(sentinel): \(error.message)")
      }
      state.withLockedValue { $0.ring.wasWrong(sentinel) }
    }
    warn(problems)
    return false
  }

  /// - Throws: where it is another one than so far and says itself that it is none, or nothing.
  private func adopt(_ endpoint: RedisEndpoint, on loop: any EventLoop) async throws(RedisError) {
    if state.withLockedValue({ $0.primary?.endpoint == endpoint }) { return }
    let connection = try await nodes.dialer.connect(to: endpoint, on: loop)
    await connection.close()
    guard let node = nodes.node(at: endpoint) else { return }
    let isFirst = state.withLockedValue { state in
      defer { state.primary = node }
      return state.primary == nil
    }
    nodes.keep([endpoint], askedWithin: .zero)
    monitor.stats.withLockedValue { $0.topologyChanges += isFirst ? 0 : 1 }
    monitor.logger.info("redis primary found", metadata: ["primary": "\(name)", "redis": "\(endpoint)"])
    monitor.readiness.changed()
  }

  private func warn(_ problems: [String]) {
    let isNews = state.withLockedValue { state in
      defer { state.hasWarned = true }
      return !state.hasWarned
    }
    monitor.logger.log(
      level: isNews ? .warning : .debug, "no sentinel names a redis primary, trying again",
      metadata: ["primary": "\(name)", "sentinels": "\(problems.prefix(8).joined(separator: "; "))"])
  }
}
