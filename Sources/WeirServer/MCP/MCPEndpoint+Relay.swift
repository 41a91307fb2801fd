import WeirCore
import WeirJSON
import WeirMCP
import WeirPipeline

/// Lists of what upstreams have, and what is brought to them as it is: the same for both eras.
extension MCPEndpoint {
  /// Answers what both eras know beside `tools/call`; nil for another method, and for one that no upstream of this endpoint has.
  func common(_ asked: Asked, _ exchange: Exchange) throws(RPCErrorObject) -> Answer? {
    if ASCII.equals(asked.method, MCPMethod.toolsList) {
      let list = try listed("tools", asked) { cursor throws(CallError) in
        try gateway.tools(at: exchange.endpoint, for: exchange.caller, in: asked.era, after: cursor)
      }
      return .reply(result(asked.id, list, label: "tools/list"))
    }
    let features = gateway.features(at: exchange.endpoint, for: exchange.caller)
    if let kind = CatalogKind.allCases.first(where: { ASCII.equals(asked.method, $0.listMethod) }) {
      guard features.contains(kind.feature) else { return nil }
      let list = try listed(kind.listMember, asked) { cursor throws(CallError) in
        try gateway.list(kind, at: exchange.endpoint, for: exchange.caller, after: cursor)
      }
      return .reply(result(asked.id, list, label: Self.label(of: kind)))
    }
    guard let method = RelayedRequest.Method.allCases.first(where: { ASCII.equals(asked.method, $0.name) }),
      let feature = method.feature(for: asked.era), features.contains(feature)
    else { return nil }
    guard let params = asked.params ?? (method == .listTasks ? Self.noParams : nil) else {
      throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params is missing")
    }
    let request = RelayedRequest(
      endpoint: exchange.endpoint, method: method, era: asked.era, params: params, client: asked.client, receivedAt: exchange.request.receivedAt)
    if asked.owner != nil, let answer = handed(asked, gateway.bond(of: request, by: exchange.caller), exchange) { return answer }
    return answer(gateway.relay(request, by: exchange.caller), asked, try progressToken(params))
  }

  private static let noParams = try? JSONDocument(parsing: Array("{}".utf8)).root

  private static func label(of kind: CatalogKind) -> StaticString {
    switch kind {
    case .resources: "resources/list"
    case .resourceTemplates: "resources/templates/list"
    case .prompts: "prompts/list"
    }
  }

  /// The `ServerCapabilities` of this endpoint for this caller in a revision: what the upstreams have and Weir passes on.
  func capabilities(_ exchange: Exchange, _ revision: ProtocolRevision) -> [UInt8] {
    let features = gateway.features(at: exchange.endpoint, for: exchange.caller)
    let changes = #"{"listChanged":true}"#
    let resources = features.contains(.subscriptions) ? #"{"subscribe":true,"listChanged":true}"# : changes
    var writer = JSONWriter()
    writer.beginObject()
    writer.memberRaw("tools", changes.utf8)
    if features.contains(.resources) { writer.memberRaw("resources", resources.utf8) }
    if features.contains(.prompts) { writer.memberRaw("prompts", changes.utf8) }
    if features.contains(.completions) { writer.memberRaw("completions", "{}".utf8) }
    if features.contains(.logging) { writer.memberRaw("logging", "{}".utf8) }
    if revision == .v2025_11_25, features.contains(.tasks) {
      writer.key("tasks")
      writer.beginObject()
      if features.contains(.taskLists) { writer.memberRaw("list", "{}".utf8) }
      if features.contains(.taskCancellation) { writer.memberRaw("cancel", "{}".utf8) }
      writer.memberRaw("requests", #"{"tools":{"call":{}}}"#.utf8)
      writer.endObject()
    }
    if revision == .modern, features.contains(.taskExtension) { writer.memberRaw("extensions", #"{"io.modelcontextprotocol/tasks":{}}"#.utf8) }
    writer.endObject()
    return writer.bytes
  }
}
