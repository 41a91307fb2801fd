import WeirCore
import WeirJSON
import WeirMCP
import WeirPipeline
import WeirTenancy

/// The handshake eras, 2024-11-05 to 2025-11-25: sessions (rules L1 to L16).
extension MCPEndpoint {
  func legacy(_ message: RPCMessage, _ exchange: Exchange) -> Answer {
    if case .request(let id, let method, let params) = message, ASCII.equals(method, MCPMethod.initialize) {
      return .reply(initialize(id, params, exchange))
    }
    let session: OpenSession
    switch findSession(exchange) {
    case .failure(let refusal): return .reply(refusal.reply)
    case .success(let found): session = found
    }
    return legacy(message, in: session, exchange)
  }

  /// One message of a session but `initialize`.
  func legacy(_ message: RPCMessage, in session: OpenSession, _ exchange: Exchange) -> Answer {
    switch message {
    case .request(let id, let method, let params):
      do throws(RPCErrorObject) {
        return try legacyRequest(id, method, params, session, exchange)
      } catch {
        return .reply(reply(200, id, error))
      }
    case .notification(let method, let params):
      if ASCII.equals(method, MCPMethod.cancelled), let id = params?["requestId"].flatMap({ RPCID($0) }) { cancel(id, in: session) }
      if ASCII.equals(method, MCPMethod.rootsListChanged), ClientCapabilities.tellOfRoots(session.facts.capabilities) {
        if let answer = handed(exchange, to: session.facts.owner, absence: .accepted) { return answer }
        gateway.rootsChanged(in: session.id)
      }
      return .reply(Reply(202, label: "notification"))
    case .response(let id, let result):
      if let answer = handed(exchange, to: ClientQuestions.replica(of: id), absence: .accepted) { return answer }
      sessions.questions.answer(id, in: session.id, .success(result.raw))
      return .reply(Reply(202, label: "response"))
    case .failure(let id, let error):
      if let answer = id.flatMap({ handed(exchange, to: ClientQuestions.replica(of: $0), absence: .accepted) }) { return answer }
      let refusal = ClientRefusal(code: error.code, message: error.message, data: error.data)
      if let id { sessions.questions.answer(id, in: session.id, .failure(refusal)) }
      return .reply(Reply(202, label: "response"))
    }
  }

  private func legacyRequest(
    _ id: RPCID, _ method: String, _ params: JSONValue?, _ session: OpenSession, _ exchange: Exchange
  ) throws(RPCErrorObject) -> Answer {
    if !session.facts.isWhole, let answer = handed(exchange, to: session.facts.owner, id: id) { return answer }
    let client = UpstreamCaller(
      capabilities: session.facts.capabilities, logLevel: session.facts.logLevel.map { JSONWriter.quoted($0.rawValue) }, session: session.id,
      principal: exchange.caller.principal, home: home(of: session.id))
    let asked = Asked(
      id: id, method: method, params: params, era: .legacy, client: client, place: exchange.place,
      prefersEvents: exchange.request.fields.prefersEvents, owner: session.facts.owner)
    if ASCII.equals(method, MCPMethod.toolsCall) {
      guard let name = params?["name"]?.string else {
        throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params.name must be a string")
      }
      return try call(asked, Name(name), exchange)
    }
    if ASCII.equals(method, MCPMethod.ping) { return .reply(result(id, Array("{}".utf8), label: "ping")) }
    if ASCII.equals(method, MCPMethod.setLevel) {
      if let answer = handed(exchange, to: asked.owner, id: id) { return answer }
      return .reply(try setLevel(id, params, session.id))
    }
    if let answer = try subscription(asked, session: session.id, exchange) { return answer }
    if let answer = try common(asked, exchange) { return answer }
    throw RPCErrorObject(code: RPCErrorObject.methodNotFound, message: "there is no such method here")
  }

  /// The call may be under way at any replica.
  private func cancel(_ call: RPCID, in session: OpenSession) {
    if !sessions.cancel(call, in: session.id) { fleet?.tell(.cancelled(call: call.raw, session: session.id)) }
  }

  /// The client of a session, reached by the event stream that it has open (`GET`), if it has one.
  private func home(of session: Name) -> StreamPeer {
    StreamPeer(
      push: { [sessions] in sessions.push($0, to: session) }, session: session, questions: sessions.questions,
      logLevel: { [sessions] in sessions.logLevel(of: session) }, isThere: { [sessions] in sessions.isReading(session) },
      onDrop: { [table] in table.count { $0.droppedNotifications += 1 } })
  }

  private func setLevel(_ id: RPCID, _ params: JSONValue?, _ session: Name) throws(RPCErrorObject) -> Reply {
    guard let level = LogLevel.allCases.first(where: { params?["level"]?.isString($0.rawValue) == true }) else {
      throw RPCErrorObject(
        code: RPCErrorObject.invalidParams, message: "params.level must be one of \(LogLevel.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    sessions.set(level, in: session)
    return result(id, Array("{}".utf8), label: "logging/setLevel")
  }

  private func initialize(_ id: RPCID, _ params: JSONValue?, _ exchange: Exchange) -> Reply {
    let opening: Opening
    do throws(RPCErrorObject) { opening = try self.opening(params, exchange) } catch { return reply(400, id, error) }
    do throws(SessionTable.Full) {
      let session = try sessions.open(
        principal: exchange.caller.principal, endpoint: exchange.place, revision: opening.revision, capabilities: opening.capabilities,
        now: time.now())
      return result(id, opening.result, label: "initialize", headers: [("mcp-session-id", session.string)])
    } catch {
      return self.error(503, id, RPCErrorObject.internalError, Self.tooManySessions)
    }
  }

  static let tooManySessions = "too many sessions are open; end some with DELETE or try again later"

  /// What `initialize` agrees on.
  struct Opening {
    let revision: ProtocolRevision
    /// What the client can be asked.
    let capabilities: [UInt8]?
    let result: [UInt8]
  }

  func opening(_ params: JSONValue?, _ exchange: Exchange) throws(RPCErrorObject) -> Opening {
    guard let asked = params?["protocolVersion"], asked.kind == .string else {
      throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params.protocolVersion must be a string")
    }
    // Never a version without handshake: clients would then mix both (mcp-spec §2.3).
    let revision = ProtocolRevision(asked).flatMap { $0.era == .legacy ? $0 : nil } ?? .latestLegacy
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("protocolVersion", revision.rawValue)
    writer.memberRaw("capabilities", capabilities(exchange, revision))
    writer.memberRaw("serverInfo", serverInfo)
    if let text = gateway.instructions(at: exchange.endpoint, for: exchange.caller) { writer.member("instructions", text) }
    writer.endObject()
    return Opening(revision: revision, capabilities: ClientCapabilities.relayable(of: params?["capabilities"]), result: writer.bytes)
  }

  // MARK: Sessions

  /// A session that a request may use, and what is known of its client.
  struct OpenSession {
    let id: Name
    let facts: SessionTable.Session
  }

  /// The session that the request names, if it is this caller's. A foreign one looks like an unknown one.
  func findSession(_ exchange: Exchange) -> Result<OpenSession, Refused> {
    guard let header = exchange.request.fields.session else {
      let line = "the header Mcp-Session-Id is missing; open a session with initialize"
      return .failure(Refused(reply: error(400, nil, RPCErrorObject.invalidRequest, line)))
    }
    let id = Name(header)
    return findSession(id, exchange)
  }

  func findSession(_ id: Name, _ exchange: Exchange) -> Result<OpenSession, Refused> {
    guard let facts = sessions.use(id, principal: exchange.caller.principal, endpoint: exchange.place, now: time.now()) else {
      return .failure(Refused(reply: error(404, nil, RPCErrorObject.invalidRequest, Self.noSession)))
    }
    return .success(OpenSession(id: id, facts: facts))
  }

  func endSession(_ exchange: Exchange) -> Answer {
    if let refusal = refusal(of: "DELETE", exchange) { return .reply(refusal) }
    switch findSession(exchange) {
    case .failure(let refusal): return .reply(refusal.reply)
    case .success(let session):
      if let answer = handed(exchange, to: session.facts.owner, absence: .ended) { return answer }
      _ = sessions.close(session.id, principal: exchange.caller.principal, endpoint: exchange.place, now: time.now())
      return .reply(Reply(200, label: "DELETE"))
    }
  }

  /// When a client that loses its stream to this side is to come back (MCP 2025-11-25, Streamable HTTP, `retry`).
  private static let comeBack = ReplyBody.whole(comeBackSoon)
  static let comeBackSoon = Array("retry: 1000\n\n".utf8)

  func openStream(_ exchange: Exchange) -> Answer {
    if let refusal = refusal(of: "GET", exchange) { return .reply(refusal) }
    guard exchange.request.fields.accepts(json: false, events: true) else {
      return .reply(error(406, nil, RPCErrorObject.invalidRequest, "Accept must admit text/event-stream"))
    }
    switch findSession(exchange) {
    case .failure(let refusal): return .reply(refusal.reply)
    case .success(let session):
      if let answer = handed(exchange, session) { return answer }
      let mailbox = StreamMailbox(limit: configuration.limits.maxStreamBufferBytes)
      let stream = NotificationStream(
        session: session.id, principal: exchange.caller.principal, mailbox: mailbox, closing: Self.comeBack, isConcerned: concern(of: exchange)
      ) { [sessions, time] in sessions.close($0, now: time.now()) }
      do throws(Sessions.StreamRefusal) {
        try sessions.open(stream, after: exchange.request.fields.lastEventID)
        return .stream(stream)
      } catch {
        switch error {
        case .exists: return .reply(self.error(409, nil, RPCErrorObject.invalidRequest, "this session has a stream already; close it first"))
        case .forgotten:
          return .reply(self.error(400, nil, RPCErrorObject.invalidRequest, Self.noEvents))
        case .gone: return .reply(self.error(404, nil, RPCErrorObject.invalidRequest, Self.noSession))
        case .tooMany: return .reply(self.error(503, nil, RPCErrorObject.internalError, "too many streams are open; close some"))
        }
      }
    }
  }

  /// A stream is where its events are: those of a call where that was made, those of the session at its own replica. Nil where that is this one.
  private func handed(_ exchange: Exchange, _ session: OpenSession) -> Answer? {
    if let replica = exchange.request.fields.lastEventID.flatMap({ ResumableStream.position($0) })?.replica, replica != session.facts.owner {
      return handed(exchange, to: replica, absence: .noEvents)
    }
    return handed(exchange, to: session.facts.owner)
  }

  /// Nil in the handshake era, which alone knows this method.
  private func refusal(of method: String, _ exchange: Exchange) -> Reply? {
    guard let version = exchange.request.fields.protocolVersion else { return nil }
    guard let revision = ProtocolRevision(utf8: version.utf8) else { return reply(400, nil, unsupported(version)) }
    return revision.era == .legacy ? nil : notAllowed(method)
  }

  private func notAllowed(_ method: String) -> Reply {
    .text(405, "\(method) has no meaning in this protocol version; use POST", headers: [("allow", "POST")], label: "unknown")
  }
}

extension Endpoint {
  /// A key for tables: the aggregate endpoint is the empty name, which no upstream has.
  var key: Name {
    switch self {
    case .aggregate: ""
    case .upstream(let name): name
    }
  }
}
