internal import WeirCore
internal import WeirJSON
package import WeirPipeline
package import WeirRedis

/// What `/readyz` shows: the state of every upstream and of Redis. None of them makes Weir unready, since it serves what it can without them.
package struct Readiness: Sendable {
  private let currentDirectory: @Sendable () -> ToolDirectory
  private let redis: RedisClient?

  /// - Parameter directory: the one that holds now.
  package init(directory: @escaping @Sendable () -> ToolDirectory, redis: RedisClient?) {
    currentDirectory = directory
    self.redis = redis
  }

  /// Whether every upstream has come up, or failed to, since the start.
  package var isSettled: Bool {
    let directory = currentDirectory()
    let snapshot = directory.snapshot
    return directory.upstreamNames.allSatisfy { snapshot.state(of: $0) ?? .connecting != .connecting }
  }

  /// `{"status":"ready","upstreams":{"aws":{"state":"ready","tools":47}},"redis":"ready"}`.
  package var json: [UInt8] {
    let directory = currentDirectory()
    let snapshot = directory.snapshot
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("status", "ready")
    writer.key("upstreams")
    writer.beginObject()
    for name in directory.upstreamNames {
      writer.key(name.string)
      writer.beginObject()
      switch snapshot.state(of: name) ?? .connecting {
      case .connecting: writer.member("state", "connecting")
      case .ready: writer.member("state", "ready")
      case .down(let reason):
        writer.member("state", "down")
        writer.member("reason", reason)
      }
      writer.member("tools", snapshot.routes(at: .upstream(name)).count)
      writer.endObject()
    }
    writer.endObject()
    writer.member("redis", redis.map { $0.stats.state.rawValue } ?? "off")
    writer.endObject()
    return writer.bytes
  }
}
