internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore

/// Servers that have the 16,384 slots between them.
final class ClusterTopology: RedisTopology {
  private struct State {
    var map = SlotMap()
    var hasWarned = false
  }

  private static let question = [Array("CLUSTER".utf8), Array("SLOTS".utf8)]
  /// For so long after it was last asked a server is kept that the map does not name: slots are on their way to it.
  private static let kept = TimeAmount.seconds(10)

  private let seeds: [RedisEndpoint]
  private let nodes: RedisNodes
  private let state = NIOLockedValueBox(State())
  private var monitor: RedisMonitor { nodes.monitor }

  init(seeds: [RedisEndpoint], nodes: RedisNodes) {
    self.seeds = seeds
    self.nodes = nodes
  }

  func node(for slot: ClusterSlot?) -> RedisNode? {
    guard let slot else { return nodes.all.shuffled().first(where: \.isReady) }
    if let owner = state.withLockedValue({ $0.map.owner(of: slot) }) { return nodes.node(at: owner) }
    monitor.trouble.raise()
    return nil
  }

  func follow(_ address: RedisAddress, moved slot: ClusterSlot?, from node: RedisNode) -> RedisNode? {
    guard let endpoint = address.endpoint(asked: node.endpoint), let target = nodes.node(at: endpoint) else { return nil }
    if let slot {
      state.withLockedValue { _ = $0.map.move(slot, to: endpoint) }
      monitor.trouble.raise()
    }
    return target
  }

  var isReady: Bool {
    let owners = state.withLockedValue { $0.map.endpoints }
    return !owners.isEmpty && owners.allSatisfy { nodes[$0]?.isReady == true }
  }

  func run() async {
    let loop = monitor.group.next()
    await monitor.trouble.follow(on: loop) { await self.refresh(on: loop) }
  }

  /// Asks one server after the other, those first that answer.
  /// - Returns: False where none knew.
  private func refresh(on loop: any EventLoop) async -> Bool {
    let known = nodes.all.shuffled()
    let ready = known.filter(\.isReady)
    var asked: Set<RedisEndpoint> = []
    var problems: [String] = []
    for endpoint in ready.map(\.endpoint) + seeds.shuffled() + known.map(\.endpoint) where asked.insert(endpoint).inserted {
      if Task.isCancelled { return false }
      do {
        let reply = try await ask(endpoint, on: loop)
        if let map = SlotMap(reply, asked: endpoint) {
          adopt(map)
          return true
        }
        let why = if case .error(let text) = reply { "it refused: \(text.prefix(60))" } else { "it has no slots" }
        problems.append("\(endpoint): \(why)")
      } catch {
        problems.append("\(endpoint): \(error.message)")
      }
    }
    let isNews = state.withLockedValue { state in
      defer { state.hasWarned = true }
      return !state.hasWarned
    }
    monitor.logger.log(
      level: isNews ? .warning : .debug, "no redis server knows the cluster's slots, trying again",
      metadata: ["servers": "\(problems.prefix(8).joined(separator: "; "))"])
    return false
  }

  private func ask(_ endpoint: RedisEndpoint, on loop: any EventLoop) async throws(RedisError) -> RedisReply {
    guard let node = nodes[endpoint], node.isReady else { return try await nodes.dialer.ask(endpoint, Self.question, on: loop) }
    let replies = try await node.send([Self.question], deadline: .now() + TimeAmount(nodes.dialer.configuration.commandTimeout))
    guard let reply = replies.first else { throw RedisError(.protocolError, "a command without a reply") }
    return reply
  }

  private func adopt(_ map: SlotMap) {
    let before = state.withLockedValue { state in
      defer {
        state.map = map
        state.hasWarned = false
      }
      return state.map
    }
    for endpoint in map.endpoints { _ = nodes.node(at: endpoint) }
    nodes.keep(Set(map.endpoints), askedWithin: Self.kept)
    // Not under the lock, which every command takes.
    if before.agrees(with: map) { return }
    monitor.stats.withLockedValue { $0.topologyChanges += before.endpoints.isEmpty ? 0 : 1 }
    monitor.logger.info("redis cluster map read", metadata: ["servers": "\(map.endpoints.count)"])
    monitor.readiness.changed()
  }
}
