import WeirCore
import WeirJSON
import WeirMCP
import WeirPipeline

/// `tools/list` and `tools/call`, the same for both eras but for their envelopes.
extension MCPEndpoint {
  /// A request that both eras know, with what is the era's own about it.
  struct Asked {
    let id: RPCID
    let method: String
    let params: JSONValue?
    let era: ProtocolEra
    let client: UpstreamCaller
    /// What its session or its parked call belongs to (`Exchange.place`).
    let place: Name
    /// A legacy client would rather have an event stream.
    var prefersEvents = false
    /// The replica that has its session, where that is another.
    var owner: Name?

    /// What the request is called in metrics.
    var label: StaticString {
      switch method {
      case MCPMethod.resourcesRead: "resources/read"
      case MCPMethod.promptsGet: "prompts/get"
      case MCPMethod.complete: "completion/complete"
      case MCPMethod.tasksGet, MCPMethod.tasksResult, MCPMethod.tasksList, MCPMethod.tasksCancel, MCPMethod.tasksUpdate: "tasks"
      default: "tools/call"
      }
    }
  }

  /// The result of a list, or of a page of it.
  func listed(_ member: String, _ asked: Asked, _ list: ([UInt8]?) throws(CallError) -> Listing) throws(RPCErrorObject) -> [UInt8] {
    var cursor: [UInt8]?
    if let given = asked.params?["cursor"], !given.isNull {
      guard let text = given.stringBytes else { throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params.cursor must be a string") }
      cursor = text
    }
    let listing: Listing
    do throws(CallError) { listing = try list(cursor) } catch { throw CallErrorWire.object(error, code: RPCErrorObject.invalidParams) }
    var writer = JSONWriter()
    writer.beginObject()
    if asked.era == .modern { writer.member("resultType", "complete") }
    writer.memberRaw(member, listing.items)
    if let next = listing.next { writer.member("nextCursor", next) }
    if asked.era == .modern {
      writer.member("ttlMs", max(0, listing.ttl.saturatedMilliseconds))
      writer.member("cacheScope", "private")
      writer.memberRaw(MetaKey.meta, resultMeta)
    }
    writer.endObject()
    return writer.bytes
  }

  func call(_ asked: Asked, _ name: Name, _ exchange: Exchange) throws(RPCErrorObject) -> Answer {
    guard let params = asked.params else { throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params is missing") }
    if let arguments = params["arguments"], arguments.kind != .object {
      throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params.arguments must be an object; leave it out where there are none")
    }
    let token = try progressToken(params)
    let received = ReceivedCall(
      endpoint: exchange.endpoint, name: name, params: params, client: asked.client,
      parameters: asked.era == .modern ? exchange.request.fields.parameters : [:], receivedAt: exchange.request.receivedAt)
    if asked.owner != nil, let answer = handed(asked, gateway.bond(of: received, by: exchange.caller), exchange) { return answer }
    return answer(gateway.call(received, by: exchange.caller), asked, token)
  }

  /// What a step of the pipeline means for the connection.
  func answer(_ step: CallStep, _ asked: Asked, _ token: [UInt8]?) -> Answer {
    switch step {
    case .finished(let reply): .reply(encoded(reply, id: asked.id, era: asked.era, label: asked.label))
    case .pending(let pending): .waiting(waiting(pending, asked, token: token))
    }
  }

  func progressToken(_ params: JSONValue) throws(RPCErrorObject) -> [UInt8]? {
    guard let token = params[MetaKey.meta]?[MetaKey.progressToken] else { return nil }
    guard let id = RPCID(token) else {
      throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params._meta.progressToken must be a string or an integer")
    }
    return id.raw
  }

  private func waiting(_ pending: PendingCall, _ asked: Asked, token: [UInt8]?) -> WaitingCall {
    let departure = Departure()
    let session = asked.client.session
    let isParkable = asked.era == .modern && pending.isConversation && Self.mirrored(asked.method) != nil
    if let session { sessions.begin(asked.id, in: session, departure: departure) }
    return WaitingCall(
      pending, id: asked.id, era: asked.era, label: asked.label, session: session, prefersEvents: asked.prefersEvents,
      parked: isParkable ? ParkedCall(owner: Self.owner(of: asked), departure: departure) : nil, progressToken: token, departure: departure
    ) { [sessions, time] in
      if let session { sessions.end(departure, in: session, now: time.now()) }
    }
  }

  /// The answer of a call as a whole HTTP reply.
  func encoded(_ reply: CallReply, id: RPCID, era: ProtocolEra, label: StaticString) -> Reply {
    switch reply.body {
    case .result(let result, let provenance) where result.bytes.count >= configuration.limits.minSharedAnswerBytes:
      guard let lease = table.lease(result.bytes, now: time.now()) else {
        return encoded(.noRoom(configuration.limits), id: id, era: era, label: label)
      }
      let pieces = result.pieces(for: era, provenance: provenance, serverInfo: serverInfo)
      return Reply(200, .json, .shared(SharedAnswer(RPCWriter.result(id: id, pieces: pieces), lease: lease)), label: label)
    case .result(let result, let provenance):
      return Reply(
        200, .json, RPCWriter.result(id: id, result.encoded(for: era, provenance: provenance, serverInfo: serverInfo)), label: label)
    case .failure(let error):
      let form = CallErrorWire.form(of: error, for: era, label)
      let headers: [(name: String, value: String)] = form == .challenge ? [("www-authenticate", "Bearer")] : []
      return Reply(
        CallErrorWire.status(of: form, for: era), .json, message(error, form, reply.outcome, id: id, era: era), headers: headers, label: label)
    }
  }

  /// The answer of a call as one JSON-RPC message, for a stream whose status is already sent.
  func message(_ reply: CallReply, id: RPCID, era: ProtocolEra, label: StaticString) -> ReplyBody {
    encoded(reply, id: id, era: era, label: label).body
  }

  private func message(_ error: CallError, _ form: CallErrorWire.Form, _ outcome: CallOutcome, id: RPCID, era: ProtocolEra) -> [UInt8] {
    switch form {
    case .toolResult:
      let provenance = Array(#"{"outcome":"\#(outcome.rawValue)"}"#.utf8)
      let result = CallResult.failure(text: CallErrorWire.text(error))
      return RPCWriter.result(id: id, result.encoded(for: era, provenance: provenance, serverInfo: serverInfo))
    case .error(let code):
      return RPCWriter.error(id: id, CallErrorWire.object(error, code: code))
    case .challenge:
      return RPCWriter.error(id: id, CallErrorWire.object(error, code: RPCErrorObject.invalidRequest))
    }
  }

  /// What a client is told that comes back for an answer that was too large to be kept.
  func tooLate(id: RPCID) -> [UInt8] {
    let error = RPCErrorObject(code: RPCErrorObject.internalError, message: "the answer was too large to be kept; call again")
    return ServerSentEventWriter.event(data: RPCWriter.error(id: id, error), event: "message")
  }

  /// The answer of a call that the end of the front cut short; nil where something else did.
  static func drained(_ call: WaitingCall) -> CallReply? {
    guard call.departure.reason == .drained else { return nil }
    return CallReply(body: .failure(CallError(.overloaded, "Weir is ending; try again in a few seconds")), outcome: .error)
  }

  /// The answer to a request that its own client cancelled.
  func cancelled(id: RPCID) -> Reply {
    error(200, id, CallErrorWire.cancelledCode, "the request was cancelled", label: "tools/call")
  }

  /// One progress report under the caller's own token, as an event; nil where the upstream's params are no object.
  static func progressEvent(_ progress: CallProgress, token: [UInt8]) -> [UInt8]? {
    guard let document = try? JSONDocument(parsing: progress.params), document.root.kind == .object else { return nil }
    let params = document.root.setting(MetaKey.progressToken, to: token)
    return ServerSentEventWriter.event(data: RPCWriter.notification(method: MCPMethod.progress, params: params), event: "message")
  }
}

extension CallReply {
  /// The answer is there, and too many others wait for slow clients.
  fileprivate static func noRoom(_ limits: FrontLimits) -> CallReply {
    let error = CallError(.overloaded, "too many large answers wait for clients that do not read them", retryAfter: limits.answerPatience)
    return CallReply(body: .failure(error), outcome: .error)
  }
}
