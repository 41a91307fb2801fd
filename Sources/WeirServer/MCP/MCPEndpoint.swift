import NIOHTTP1
import WeirCore
import WeirJSON
import WeirMCP
import WeirPipeline
import WeirTenancy

/// MCP over Streamable HTTP, both eras on one path: from a request to an answer, without waiting. This is the hit path.
struct MCPEndpoint: Sendable {
  let configuration: FrontConfiguration
  let gateway: any Gateway
  let sessions: Sessions
  let listeners: Listeners
  let parked: ParkedCalls
  let table: ConnectionTable
  let fleet: FrontFleet?
  let time: any TimeSource
  /// `{"name":"weir","version":…}`
  let serverInfo: [UInt8]
  /// `{"io.modelcontextprotocol/serverInfo":…}`
  let resultMeta: [UInt8]

  init(
    configuration: FrontConfiguration, gateway: any Gateway, sessions: Sessions, listeners: Listeners, parked: ParkedCalls,
    table: ConnectionTable, fleet: FrontFleet?, time: any TimeSource
  ) {
    self.configuration = configuration
    self.gateway = gateway
    self.sessions = sessions
    self.listeners = listeners
    self.parked = parked
    self.table = table
    self.fleet = fleet
    self.time = time
    var info = JSONWriter()
    info.beginObject()
    info.member("name", "weir")
    info.member("version", configuration.version)
    info.endObject()
    serverInfo = info.bytes
    var meta = JSONWriter()
    meta.beginObject()
    meta.memberRaw(MetaKey.serverInfo, info.bytes)
    meta.endObject()
    resultMeta = meta.bytes
  }

  /// One authenticated request at an endpoint.
  struct Exchange {
    let request: ReceivedRequest
    let endpoint: Endpoint
    let caller: Identified
    let carrier: Carrier
    /// One message of a batch.
    var isElement = false

    /// The exchange of one message of this batch.
    func element(_ message: [UInt8]) -> Exchange {
      Exchange(request: request.with(message), endpoint: endpoint, caller: caller, carrier: carrier, isElement: true)
    }

    /// What a session belongs to, beside its principal: one is never used over the other carrier.
    var place: Name { carrier == .sse ? Name("sse \(endpoint.key)") : endpoint.key }
  }

  /// The transports that a client can come by over HTTP.
  enum Carrier: Sendable {
    case streamableHTTP
    /// HTTP+SSE of 2024-11-05.
    case sse
  }

  func answer(_ request: ReceivedRequest, at endpoint: Endpoint, by carrier: Carrier = .streamableHTTP) -> Answer {
    guard [.POST, .GET, .DELETE].contains(request.method) else {
      return .reply(.text(405, "use POST", headers: [("allow", "POST, GET, DELETE")], label: "unknown"))
    }
    if let name = request.fields.duplicate {
      return .reply(error(400, nil, RPCErrorObject.invalidRequest, "the header \(name) stands twice"))
    }
    let caller: Identified
    do {
      caller = try gateway.authenticate(try credential(request.fields))
    } catch let failure as CallError where failure.reason == .unauthenticated {
      table.refused(.unauthenticated)
      return .reply(Self.challenge)
    } catch {
      return .reply(self.error(400, nil, RPCErrorObject.invalidRequest, "the credentials in Authorization and X-API-Key differ; send one"))
    }
    if let reply = distrust(request, of: caller.principal) { return .reply(reply) }
    guard gateway.offers(endpoint, to: caller) else {
      return .reply(error(404, nil, RPCErrorObject.invalidRequest, "no upstream of this name is here for you"))
    }
    let exchange = Exchange(request: request, endpoint: endpoint, caller: caller, carrier: carrier)
    switch (carrier, request.method) {
    case (.streamableHTTP, .POST): return post(exchange)
    case (.streamableHTTP, .GET): return openStream(exchange)
    case (.streamableHTTP, _): return endSession(exchange)
    case (.sse, .POST): return postMessage(exchange)
    case (.sse, .GET): return openEvents(exchange)
    case (.sse, _): return .reply(.text(405, "close the event stream to end the session", headers: [("allow", "POST, GET")], label: "unknown"))
    }
  }

  /// The same bytes for every cause: whether a key exists is nobody's business.
  private static let challenge = Reply(
    401, .json,
    RPCWriter.error(
      id: nil,
      RPCErrorObject(code: RPCErrorObject.invalidRequest, message: "a valid credential is needed: Authorization: Bearer <key>, or X-API-Key: <key>")),
    headers: [("www-authenticate", "Bearer")], label: "unauthenticated")

  private func credential(_ fields: RequestFields) throws(Conflict) -> PresentedCredential {
    let bearer = fields.authorization.flatMap(Self.bearer)
    guard let key = fields.apiKey else {
      // A scheme that is not Bearer is no credential, and must not pass as "nothing was sent".
      return bearer.map { .bearer($0) } ?? (fields.authorization == nil ? .none : .bearer([]))
    }
    guard fields.authorization != nil else { return .apiKey(Array(key.utf8)) }
    guard let bearer, bearer.elementsEqual(key.utf8) else { throw Conflict() }
    return .bearer(bearer)
  }

  private struct Conflict: Error {}

  private static func bearer(_ field: String) -> [UInt8]? {
    let bytes = field.utf8
    guard bytes.count > 7, ASCII.equalsFolded(Substring(bytes.prefix(7)), "bearer ") else { return nil }
    return Array(ASCII.trimmed(Substring(bytes.dropFirst(7))).utf8)
  }

  private func post(_ exchange: Exchange) -> Answer {
    guard exchange.request.fields.accepts(json: true, events: true) else {
      return .reply(error(406, nil, RPCErrorObject.invalidRequest, "Accept must admit both application/json and text/event-stream"))
    }
    let root: JSONValue
    do throws(Refused) { root = try body(of: exchange) } catch { return .reply(error.reply) }
    do throws(RPCErrorObject) {
      if root.kind == .array { return try batch(root, exchange) }
      let message = try RPCMessage.parse(root)
      if let version = modernVersion(message, exchange.request.fields) { return modern(message, version, exchange) }
      let answer = legacy(message, exchange)
      return exchange.request.fields.prefersEvents ? answer.asEvents : answer
    } catch {
      return .reply(reply(400, RPCMessage.id(of: root), error))
    }
  }

  /// What a request is answered with instead of being looked at.
  struct Refused: Error { let reply: Reply }

  /// The JSON text that a request carries.
  func body(of exchange: Exchange) throws(Refused) -> JSONValue {
    let fields = exchange.request.fields
    guard let type = fields.contentType, Self.isJSON(type) else {
      throw Refused(reply: error(400, nil, RPCErrorObject.invalidRequest, "Content-Type must be application/json"))
    }
    if let encoding = fields.contentEncoding, !ASCII.equalsFolded(encoding, "identity") {
      throw Refused(reply: error(415, nil, RPCErrorObject.invalidRequest, "a request body must not be compressed"))
    }
    do throws(JSONError) {
      return try JSONDocument(parsing: exchange.request.body, limits: configuration.json).root
    } catch {
      throw Refused(reply: self.error(400, nil, RPCErrorObject.parseError, "the body is no JSON that is accepted here: \(error.message)"))
    }
  }

  private static func isJSON(_ type: String) -> Bool {
    ASCII.equalsFolded(type, "application/json")
      || ASCII.equalsFolded(ASCII.trimmed(Substring(type.utf8.prefix { $0 != UInt8(ascii: ";") })), "application/json")
  }

  // MARK: Answers

  func error(_ status: Int, _ id: RPCID?, _ code: Int, _ message: String, data: [UInt8]? = nil, label: StaticString = "invalid") -> Reply {
    reply(status, id, RPCErrorObject(code: code, message: message, data: data), label: label)
  }

  func reply(_ status: Int, _ id: RPCID?, _ error: RPCErrorObject, label: StaticString = "invalid") -> Reply {
    Reply(status, .json, RPCWriter.error(id: id, error), label: label)
  }

  func result(_ id: RPCID, _ result: [UInt8], label: StaticString, headers: [(name: String, value: String)] = []) -> Reply {
    Reply(200, .json, RPCWriter.result(id: id, result), headers: headers, label: label)
  }
}
