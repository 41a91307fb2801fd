internal import NIOConcurrencyHelpers
internal import NIOCore

/// The servers that are asked, each run in one task group; they come and go.
final class RedisNodes: Sendable {
  /// As many as a cluster may have. A server that points at yet another one is not followed.
  private static let most = SlotMap.maxServers

  let dialer: RedisDialer
  let monitor: RedisMonitor
  private let nodes = NIOLockedValueBox<[RedisEndpoint: RedisNode]>([:])
  private let arrivals = AsyncStream<RedisNode>.makeStream()

  init(dialer: RedisDialer, monitor: RedisMonitor) {
    self.dialer = dialer
    self.monitor = monitor
  }

  /// The server there, which is connected to from now on.
  /// - Returns: nil where there are too many.
  func node(at endpoint: RedisEndpoint) -> RedisNode? {
    let (node, isNew) = nodes.withLockedValue { nodes -> (RedisNode?, Bool) in
      if let known = nodes[endpoint] { return (known, false) }
      guard nodes.count < Self.most else { return (nil, false) }
      let node = RedisNode(endpoint, dialer: dialer, monitor: monitor)
      nodes[endpoint] = node
      return (node, true)
    }
    if isNew, let node { arrivals.continuation.yield(node) }
    return node
  }

  /// Lets go of every server that is neither wanted nor was asked lately.
  func keep(_ wanted: Set<RedisEndpoint>, askedWithin time: TimeAmount) {
    let limit = NIODeadline.now() - time
    let gone = nodes.withLockedValue { nodes -> [RedisNode] in
      let gone = nodes.values.filter { !wanted.contains($0.endpoint) && $0.lastAsked <= limit }
      for node in gone { nodes[node.endpoint] = nil }
      return gone
    }
    for node in gone { node.retire() }
  }

  subscript(_ endpoint: RedisEndpoint) -> RedisNode? { nodes.withLockedValue { $0[endpoint] } }

  var all: [RedisNode] { nodes.withLockedValue { Array($0.values) } }

  /// Runs every server until the task is cancelled.
  func run() async {
    await withDiscardingTaskGroup { tasks in
      for await node in arrivals.stream {
        tasks.addTask { await node.run() }
      }
    }
  }
}
