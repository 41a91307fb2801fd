import WeirCore
import WeirJSON
import WeirMCP

/// Builds the messages that a client sends in either era: params with the `_meta` that the connection owns.
struct RequestEnvelope: Sendable {
  private let clientInfo: [UInt8]
  private static let usualLevel = Array(#""debug""#.utf8)
  private static let owned = [
    MetaKey.protocolVersion, MetaKey.clientInfo, MetaKey.clientCapabilities, MetaKey.logLevel, MetaKey.progressToken, MetaKey.weirCache,
  ]

  init(clientName: String, clientVersion: String) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("name", clientName)
    writer.member("version", clientVersion)
    writer.endObject()
    clientInfo = writer.bytes
  }

  /// `server/discover` (MCP 2026-07-28).
  func discover(id: Int) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.memberRaw(MetaKey.meta, meta(era: .modern, forwarded: nil, caller: nil, progressToken: nil) ?? Array("{}".utf8))
    writer.endObject()
    return RPCWriter.request(id: RPCID(id), method: MCPMethod.discover, params: writer.bytes)
  }

  /// `initialize` (MCP 2025-11-25).
  /// - Parameter capabilities: what the client at the other end can be asked, a JSON object; nil: nothing.
  func initialize(id: Int, capabilities: [UInt8]?) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("protocolVersion", ProtocolRevision.latestLegacy.rawValue)
    writer.memberRaw("capabilities", capabilities ?? Array("{}".utf8))
    writer.memberRaw("clientInfo", clientInfo)
    writer.endObject()
    return RPCWriter.request(id: RPCID(id), method: MCPMethod.initialize, params: writer.bytes)
  }

  /// `subscriptions/listen` (MCP 2026-07-28) for the lists that the server has and these resources.
  func listen(id: Int, features: UpstreamFeatures, uris: Set<Name>) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("notifications")
    writer.beginObject()
    if features.contains(.tools) { writer.member("toolsListChanged", true) }
    if features.contains(.prompts) { writer.member("promptsListChanged", true) }
    if features.contains(.resources) { writer.member("resourcesListChanged", true) }
    if !uris.isEmpty {
      writer.key("resourceSubscriptions")
      writer.beginArray()
      for uri in uris.sorted() { writer.value(uri.string) }
      writer.endArray()
    }
    writer.endObject()
    writer.memberRaw(MetaKey.meta, meta(era: .modern, forwarded: nil, caller: nil, progressToken: nil) ?? Array("{}".utf8))
    writer.endObject()
    return RPCWriter.request(id: RPCID(id), method: MCPMethod.subscriptionsListen, params: writer.bytes)
  }

  /// `resources/subscribe` or `resources/unsubscribe` (MCP 2025-11-25).
  func subscription(id: Int, _ method: String, uri: Name) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("uri", uri.string)
    writer.endObject()
    return RPCWriter.request(id: RPCID(id), method: method, params: writer.bytes)
  }

  func initialized() -> [UInt8] {
    RPCWriter.notification(method: MCPMethod.initialized, params: nil)
  }

  /// `ping` (MCP 2025-11-25), which the server must answer.
  func ping(id: Int) -> [UInt8] { RPCWriter.request(id: RPCID(id), method: MCPMethod.ping, params: nil) }

  func cancelled(id: Int, reason: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("requestId", id)
    writer.member("reason", reason)
    writer.endObject()
    return RPCWriter.notification(method: MCPMethod.cancelled, params: writer.bytes)
  }

  /// The message of a caller's request; nil where its params are no object. Its id is its progress token, too: both are unique to the session.
  func request(_ request: UpstreamRequest, id: Int, era: ProtocolEra) -> [UInt8]? {
    let meta = meta(era: era, forwarded: request.meta, caller: request.caller, progressToken: request.onProgress == nil ? nil : id)
    guard let params = Self.splice(meta, into: request.params) else { return nil }
    return RPCWriter.request(id: RPCID(id), method: request.method, params: params)
  }

  private func meta(era: ProtocolEra, forwarded: [UInt8]?, caller: UpstreamCaller?, progressToken: Int?) -> [UInt8]? {
    var writer = JSONWriter()
    var isEmpty = true
    writer.beginObject()
    if era == .modern {
      writer.member(MetaKey.protocolVersion, ProtocolRevision.modern.rawValue)
      writer.memberRaw(MetaKey.clientInfo, clientInfo)
      writer.memberRaw(MetaKey.clientCapabilities, caller?.capabilities ?? Array("{}".utf8))
      // A client of the handshake era that says nothing hears what the server thinks fit; here a request must say so.
      let level = caller.flatMap { $0.logLevel ?? ($0.session == nil || $0.peer == nil ? nil : Self.usualLevel) }
      if let level { writer.memberRaw(MetaKey.logLevel, level) }
      isEmpty = false
    }
    if let progressToken {
      writer.member(MetaKey.progressToken, progressToken)
      isEmpty = false
    }
    if let forwarded, let document = try? JSONDocument(parsing: forwarded) {
      for (name, value) in document.root.members {
        guard let text = name.string, !Self.owned.contains(where: { name.isString($0) }) else { continue }
        writer.memberRaw(text, value.rawBytes)
        isEmpty = false
      }
    }
    writer.endObject()
    return isEmpty ? nil : writer.bytes
  }

  /// The object with `_meta` as its last member. `params` has none of its own, by contract.
  static func splice(_ meta: [UInt8]?, into params: [UInt8]) -> [UInt8]? {
    let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
    guard let first = params.firstIndex(where: { !isSpace($0) }), params[first] == UInt8(ascii: "{"),
      let last = params.lastIndex(where: { !isSpace($0) }), last > first, params[last] == UInt8(ascii: "}")
    else { return nil }
    guard let meta else { return params }
    var result: [UInt8] = []
    result.reserveCapacity(params.count + meta.count + 16)
    result.append(contentsOf: params[first..<last])
    if params[(first + 1)..<last].contains(where: { !isSpace($0) }) { result.append(UInt8(ascii: ",")) }
    result.append(contentsOf: #""_meta":"#.utf8)
    result.append(contentsOf: meta)
    result.append(UInt8(ascii: "}"))
    return result
  }
}
