internal import Logging
internal import NIOConcurrencyHelpers

/// One server has everything.
struct SingleTopology: RedisTopology {
  private let only: RedisNode?
  private let monitor: RedisMonitor
  private let hasWarned = NIOLockedValueBox(false)

  init(_ endpoint: RedisEndpoint, nodes: RedisNodes) {
    only = nodes.node(at: endpoint)
    monitor = nodes.monitor
  }

  func node(for slot: ClusterSlot?) -> RedisNode? { only }

  func follow(_ address: RedisAddress, moved slot: ClusterSlot?, from node: RedisNode) -> RedisNode? {
    let isFirst = hasWarned.withLockedValue { hasWarned in
      defer { hasWarned = true }
      return !hasWarned
    }
    if isFirst {
      monitor.logger.error("this redis is part of a cluster: list its servers under \"cluster\"", metadata: ["redis": "\(node.endpoint)"])
    }
    return nil
  }

  var isReady: Bool { only?.isReady == true }

  func run() async {}
}
