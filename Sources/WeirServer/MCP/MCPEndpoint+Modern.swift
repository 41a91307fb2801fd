import WeirCore
import WeirJSON
import WeirMCP
import WeirPipeline
import WeirTenancy

/// MCP 2026-07-28: every request stands alone (rules M6 to M9, M13, M14, M20 to M23).
extension MCPEndpoint {
  /// What a request says about its version: at least one of the two is modern or unknown.
  struct ModernVersion {
    let body: JSONValue?
    let header: String?
  }

  /// Modern is what carries a version in its `_meta`, or names one in the header that no handshake negotiates. Nil: legacy.
  func modernVersion(_ message: RPCMessage, _ fields: RequestFields) -> ModernVersion? {
    let params: JSONValue? =
      switch message {
      case .request(_, _, let params), .notification(_, let params): params
      case .response, .failure: nil
      }
    let body = params?[MetaKey.meta]?[MetaKey.protocolVersion]
    if body == nil {
      guard let header = fields.protocolVersion else { return nil }
      if let revision = ProtocolRevision(utf8: header.utf8), revision.era == .legacy { return nil }
    }
    return ModernVersion(body: body, header: fields.protocolVersion)
  }

  func modern(_ message: RPCMessage, _ version: ModernVersion, _ exchange: Exchange) -> Answer {
    switch message {
    case .request(let id, let method, let params):
      do throws(RPCErrorObject) {
        return try modernRequest(id, method, params, version, exchange)
      } catch {
        return .reply(reply(error.code == RPCErrorObject.methodNotFound ? 404 : 400, id, error))
      }
    case .notification:
      do throws(RPCErrorObject) {
        try checkVersion(version)
        return .reply(Reply(202, label: "notification"))
      } catch {
        return .reply(reply(400, nil, error))
      }
    case .response, .failure:
      return .reply(error(400, nil, RPCErrorObject.invalidRequest, "a client sends no responses in this version"))
    }
  }

  private func modernRequest(
    _ id: RPCID, _ method: String, _ params: JSONValue?, _ version: ModernVersion, _ exchange: Exchange
  ) throws(RPCErrorObject) -> Answer {
    try checkVersion(version)
    guard Self.modernMethods.contains(where: { ASCII.equals(method, $0) }) else { throw Self.unknownMethod }
    try checkMeta(params?[MetaKey.meta], version)
    try mirror("Mcp-Method", exchange.request.fields.method, method)
    if ASCII.equals(method, MCPMethod.discover) { return .reply(result(id, discovery(exchange), label: "server/discover")) }
    let client = try client(params?[MetaKey.meta], exchange)
    let asked = Asked(id: id, method: method, params: params, era: .modern, client: client, place: exchange.place)
    if let member = Self.mirrored(method) {
      guard let value = params?[member] else { throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params.\(member) is missing") }
      guard let text = value.string else { throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params.\(member) must be a string") }
      try mirror("Mcp-Name", exchange.request.fields.name, text)
      if let answer = try resumed(asked, exchange) { return answer }
      if ASCII.equals(method, MCPMethod.toolsCall) {
        try checkParameters(of: Name(text), params, exchange)
        return try call(asked, Name(text), exchange)
      }
    }
    if ASCII.equals(method, MCPMethod.subscriptionsListen) { return try listen(asked, exchange) }
    guard let answer = try common(asked, exchange) else { throw Self.unknownMethod }
    return answer
  }

  private static let modernMethods = [
    MCPMethod.toolsCall, MCPMethod.toolsList, MCPMethod.discover, MCPMethod.resourcesList, MCPMethod.resourceTemplatesList, MCPMethod.resourcesRead,
    MCPMethod.promptsList, MCPMethod.promptsGet, MCPMethod.complete, MCPMethod.subscriptionsListen,
    MCPMethod.tasksGet, MCPMethod.tasksUpdate, MCPMethod.tasksCancel,
  ]

  private static let unknownMethod = RPCErrorObject(code: RPCErrorObject.methodNotFound, message: "there is no such method in this version")

  /// The member of `params` that `Mcp-Name` repeats (rule M7).
  static func mirrored(_ method: String) -> String? {
    if ASCII.equals(method, MCPMethod.toolsCall) || ASCII.equals(method, MCPMethod.promptsGet) { return "name" }
    if method.utf8.starts(with: "tasks/".utf8) { return "taskId" }
    return ASCII.equals(method, MCPMethod.resourcesRead) ? "uri" : nil
  }

  /// What a tool wants repeated in `Mcp-Param-…` must be there and say the same as the arguments (rule M10); others must be fit to be forwarded.
  private func checkParameters(of tool: Name, _ params: JSONValue?, _ exchange: Exchange) throws(RPCErrorObject) {
    let fields = exchange.request.fields.parameters
    if let name = fields.keys.sorted().first(where: { fields[$0].flatMap(HeaderText.decode) == nil }) {
      throw RPCErrorObject(code: RPCErrorObject.headerMismatch, message: "the header \(name) holds what must be encoded as =?base64?…?=")
    }
    guard let parameters = gateway.headerParameters(of: tool, at: exchange.endpoint) else { return }
    if let name = parameters.mismatch(in: params?["arguments"], value: { fields[$0] }) {
      throw RPCErrorObject(code: RPCErrorObject.headerMismatch, message: "the header Mcp-Param-\(name) is missing or differs from the arguments")
    }
  }

  /// The answer to a request that comes back to a parked call; nil for all others.
  private func resumed(_ asked: Asked, _ exchange: Exchange) throws(RPCErrorObject) -> Answer? {
    guard let state = asked.params?["requestState"]?.stringBytes, ParkedCalls.isName(state) else { return nil }
    if let answer = handed(exchange, to: ParkedCalls.replica(of: state), absence: .noState, id: asked.id) { return answer }
    let token = try asked.params.flatMap { params throws(RPCErrorObject) in try progressToken(params) }
    guard let name = Name(utf8: state), let call = parked.resume(name, by: Self.owner(of: asked), now: time.now()) else {
      throw Self.noState
    }
    let visit = Visit(call: call, answers: asked.params?["inputResponses"], id: asked.id, token: token, label: asked.label)
    return Answer(kind: .resumed(visit))
  }

  /// Who may come back to this request.
  static func owner(of asked: Asked) -> ParkedCall.Owner {
    let name = mirrored(asked.method).flatMap { asked.params?[$0]?.stringBytes }.flatMap { Name(utf8: $0) }
    return ParkedCall.Owner(principal: asked.client.principal, place: asked.place, method: asked.method, name: name)
  }

  /// A result that asks the client for input (MCP 2026-07-28, multi round-trip requests).
  func inputRequired(_ requests: [UInt8], state: Name, id: RPCID) -> ReplyBody {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("resultType", "input_required")
    writer.memberRaw("inputRequests", requests)
    writer.member("requestState", state.string)
    writer.memberRaw(MetaKey.meta, resultMeta)
    writer.endObject()
    return .whole(RPCWriter.result(id: id, writer.bytes))
  }

  private func client(_ meta: JSONValue?, _ exchange: Exchange) throws(RPCErrorObject) -> UpstreamCaller {
    var level: [UInt8]?
    if let wanted = meta?[MetaKey.logLevel] {
      guard LogLevel.allCases.contains(where: { wanted.isString($0.rawValue) }) else {
        throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "_meta.\(MetaKey.logLevel) is no level")
      }
      level = wanted.raw
    }
    return UpstreamCaller(
      capabilities: ClientCapabilities.relayable(of: meta?[MetaKey.clientCapabilities], era: .modern), logLevel: level,
      principal: exchange.caller.principal)
  }

  private func checkVersion(_ version: ModernVersion) throws(RPCErrorObject) {
    if let body = version.body {
      guard let text = body.string else {
        throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "_meta.\(MetaKey.protocolVersion) must be a string")
      }
      guard let header = version.header else {
        throw RPCErrorObject(code: RPCErrorObject.headerMismatch, message: "the header MCP-Protocol-Version is missing")
      }
      guard ASCII.equals(text, header) else {
        throw RPCErrorObject(code: RPCErrorObject.headerMismatch, message: "the header MCP-Protocol-Version differs from the body's _meta")
      }
      if !body.isString(ProtocolRevision.modern.rawValue) { throw unsupported(text) }
    } else if let header = version.header, !ASCII.equals(header, ProtocolRevision.modern.rawValue) {
      throw unsupported(header)
    }
  }

  func unsupported(_ requested: String) -> RPCErrorObject {
    var data = JSONWriter()
    data.beginObject()
    data.memberRaw("supported", Self.versions)
    data.member("requested", requested)
    data.endObject()
    return RPCErrorObject(
      code: RPCErrorObject.unsupportedVersion, message: "this protocol version is not supported; older ones open with initialize", data: data.bytes)
  }

  /// Newest first.
  private static let versions: [UInt8] = {
    var list = JSONWriter()
    list.beginArray()
    for revision in ProtocolRevision.allCases.sorted(by: >) { list.value(revision.rawValue) }
    list.endArray()
    return list.bytes
  }()

  private func checkMeta(_ meta: JSONValue?, _ version: ModernVersion) throws(RPCErrorObject) {
    guard let meta, version.body != nil else {
      throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params._meta must have \(MetaKey.protocolVersion)")
    }
    guard let capabilities = meta[MetaKey.clientCapabilities], capabilities.kind == .object else {
      throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params._meta must have \(MetaKey.clientCapabilities), an object")
    }
  }

  /// A header that repeats a value of the body must be there and say the same (rules M7 and M8).
  private func mirror(_ name: StaticString, _ header: String?, _ value: String) throws(RPCErrorObject) {
    guard let header else { throw RPCErrorObject(code: RPCErrorObject.headerMismatch, message: "the header \(name) is missing") }
    if ASCII.equals(header, value), !header.utf8.starts(with: "=?".utf8) { return }
    guard let decoded = HeaderText.decode(header), decoded.elementsEqual(value.utf8) else {
      throw RPCErrorObject(code: RPCErrorObject.headerMismatch, message: "the header \(name) differs from the body")
    }
  }

  private func discovery(_ exchange: Exchange) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("resultType", "complete")
    writer.memberRaw("supportedVersions", Self.versions)
    writer.memberRaw("capabilities", capabilities(exchange, .modern))
    if let text = gateway.instructions(at: exchange.endpoint, for: exchange.caller) { writer.member("instructions", text) }
    writer.member("ttlMs", max(0, configuration.discoverTTL.saturatedMilliseconds))
    writer.member("cacheScope", "private")
    writer.memberRaw(MetaKey.meta, resultMeta)
    writer.endObject()
    return writer.bytes
  }
}
