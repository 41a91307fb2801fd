internal import WeirCore
internal import WeirFleet
internal import WeirJSON
internal import WeirPipeline
internal import WeirRedis

/// What `/readyz` shows: the state of every upstream and of Redis. None of them makes Weir unready, since it serves what it can without them; but a
/// replica is ready only when the others can find it, or Redis has not let it join their fleet within a second.
package struct Readiness: Sendable {
  private let currentDirectory: @Sendable () -> ToolDirectory
  private let fleet: Fleet?

  /// - Parameter directory: the one that holds now.
  init(directory: @escaping @Sendable () -> ToolDirectory, fleet: Fleet?) {
    currentDirectory = directory
    self.fleet = fleet
  }

  /// Whether a balancer may send requests.
  package var isReady: Bool { fleet?.roster.isSettled ?? true }

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
    writer.member("status", isReady ? "ready" : "starting")
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
    writer.member("redis", fleet.map { $0.client.stats.state.rawValue } ?? "off")
    writer.endObject()
    return writer.bytes
  }
}
