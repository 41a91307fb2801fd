internal import WeirJSON
internal import WeirMCP

extension JSONValue {
  /// Of the `params` of a request: the members of the caller's `_meta` that travel on: all but those that belong to the connection or to Weir (MCP 2026-07-28, `_meta`).
  var forwardedMeta: [UInt8]? {
    guard let meta = self["_meta"], meta.kind == .object else { return nil }
    let own = [
      MetaKey.protocolVersion, MetaKey.clientInfo, MetaKey.clientCapabilities, MetaKey.serverInfo, MetaKey.logLevel, MetaKey.progressToken,
      MetaKey.weirCache,
    ]
    let forwarded = meta.removing(own)
    return meta.members.contains { member in !own.contains { member.name.isString($0) } } ? forwarded : nil
  }
}
