import WeirCore
import WeirJSON
import WeirMCP

/// What a client has asked its session to keep in mind, as requests that say it again: the level of log messages, and the resources that are
/// watched. Bounded; what does not fit is not said again. Pure.
struct SessionMemory: Sendable {
  static let maxResources = 1000
  static let maxBytes = 512 * 1024

  private var level: ClientMessage?
  private var resources: [(uri: Name, request: ClientMessage)] = []
  private var bytes = 0
  private var count = 0

  /// All of it, the level first.
  var requests: [ClientMessage] { (level.map { [$0] } ?? []) + resources.map(\.request) }

  /// Takes in a request that the server has answered with a result.
  /// - Returns: what another session has to be told to be in the same state; nil where the request changes none.
  mutating func take(_ message: ClientMessage) -> ClientMessage? {
    switch message.method {
    case MCPMethod.setLevel:
      guard let request = request(message), request.line.count <= 1024 else { return nil }
      level = request
      return request
    case MCPMethod.resourcesSubscribe, MCPMethod.resourcesUnsubscribe:
      guard let text = message.params?["uri"]?.string, let request = request(message) else { return nil }
      let uri = Name(text)
      if let index = resources.firstIndex(where: { $0.uri == uri }) { bytes -= resources.remove(at: index).request.line.count }
      let fits = resources.count < Self.maxResources && bytes + request.line.count <= Self.maxBytes
      guard message.method == MCPMethod.resourcesSubscribe, fits else { return request }
      bytes += request.line.count
      resources.append((uri, request))
      return request
    default: return nil
    }
  }

  /// The same under an id of the bridge's own: that of the client may be in use again by then. Without `_meta`, whose progress nobody waits for.
  private mutating func request(_ message: ClientMessage) -> ClientMessage? {
    count += 1
    let params = message.params?.removing([MetaKey.meta])
    return try? ClientMessage(reading: RPCWriter.request(id: RPCID(string: "weir-again-\(count)"), method: message.method, params: params))
  }
}
