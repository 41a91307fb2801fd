import WeirCore
import WeirJSON
import WeirMCP

/// What `subscriptions/listen` asks for and is told (MCP 2026-07-28, subscriptions).
enum SubscriptionWire {
  private static let lists: [(member: String, kind: UpstreamFeatures, method: String)] = [
    ("toolsListChanged", .tools, MCPMethod.toolsListChanged),
    ("promptsListChanged", .prompts, MCPMethod.promptsListChanged),
    ("resourcesListChanged", .resources, MCPMethod.resourcesListChanged),
  ]

  /// The lists that the request names.
  static func kinds(_ wanted: JSONValue) -> UpstreamFeatures {
    lists.reduce(into: []) { if wanted[$1.member]?.bool == true { $0.insert($1.kind) } }
  }

  /// The resources that the request names.
  static func uris(_ wanted: JSONValue) -> [Name] {
    wanted["resourceSubscriptions"]?.elements.compactMap { $0.stringBytes.flatMap { Name(utf8: $0) } } ?? []
  }

  /// The notifications that say which lists have changed.
  static func methods(of changed: UpstreamFeatures) -> [(method: String, kind: UpstreamFeatures)] {
    lists.filter { changed.contains($0.kind) }.map { ($0.method, $0.kind) }
  }

  /// The params of `notifications/subscriptions/acknowledged`: what is honoured.
  static func acknowledgement(_ kinds: UpstreamFeatures, _ uris: [Name]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("notifications")
    writer.beginObject()
    for list in lists where kinds.contains(list.kind) { writer.member(list.member, true) }
    if !uris.isEmpty {
      writer.key("resourceSubscriptions")
      writer.beginArray()
      for uri in uris { writer.value(uri.string) }
      writer.endArray()
    }
    writer.endObject()
    writer.endObject()
    return writer.bytes
  }

  /// The params, or a result, with the id of the stream in their `_meta`.
  static func tagged(_ params: [UInt8], _ id: RPCID, serverInfo: [UInt8]? = nil) -> [UInt8] {
    guard let root = try? JSONDocument(parsing: params).root else { return params }
    var meta = JSONWriter()
    meta.beginObject()
    meta.memberRaw(MetaKey.subscriptionID, id.raw)
    if let serverInfo { meta.memberRaw(MetaKey.serverInfo, serverInfo) }
    meta.endObject()
    return root.setting(MetaKey.meta, to: meta.bytes)
  }

  /// The result that ends a stream.
  static func end(_ id: RPCID, serverInfo: [UInt8]) -> [UInt8] {
    RPCWriter.result(id: id, tagged(Array(#"{"resultType":"complete"}"#.utf8), id, serverInfo: serverInfo))
  }
}
