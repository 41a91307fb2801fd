import Logging
import NIOConcurrencyHelpers
import WeirCore
import WeirHTTPClient
import WeirJSON
import WeirMCP

extension HTTPUpstream {
  /// What one attempt came to.
  private enum Outcome {
    case answered(JSONValue)
    case failed(CallError)
    /// The session is over, and the call was not carried out in it.
    case sessionLost(String)
    /// The session was over before anything was sent.
    case unsent(String)
    /// The connection ended between request and answer.
    case lost(String)
  }

  /// Sends on the session there is; a call that may be repeated is sent once more where the session or the connection was lost.
  @Sendable func dispatch(_ request: UpstreamRequest) async throws(CallError) -> JSONDocument {
    guard var session = await currentSession(until: request.deadline) else { throw Task.isCancelled ? ErrorText.cancelled(name) : unavailable() }
    var isRepeated = false
    while true {
      switch await attempt(request, in: session) {
      case .answered(let value): return JSONDocument(value)
      case .failed(let error): throw error
      case .lost(let reason):
        guard request.isRepeatable, !isRepeated, !Task.isCancelled else { throw ErrorText.lost(name, reason, wait: retryWait) }
        if session.channel?.isOver == true { session = try await renewed(session, because: "its event stream ended", for: request) }
      case .unsent(let reason):
        guard !isRepeated else { throw ErrorText.down(name, "\(reason); call again", wait: retryWait) }
        session = try await renewed(session, because: reason, for: request)
      case .sessionLost(let reason):
        giveUp(session, because: reason, isRenewing: true)
        guard request.isRepeatable, !isRepeated else { throw ErrorText.down(name, "\(reason); call again", wait: retryWait) }
        session = try await renewed(session, because: reason, for: request)
      }
      isRepeated = true
    }
  }

  /// The session that comes after one that is over.
  private func renewed(_ session: HTTPSession, because reason: String, for request: UpstreamRequest) async throws(CallError) -> HTTPSession {
    giveUp(session, because: reason, isRenewing: true)
    if let next = await sessionAfter(session, until: request.deadline) { return next }
    throw Task.isCancelled ? ErrorText.cancelled(name) : unavailable()
  }

  private func attempt(_ request: UpstreamRequest, in session: HTTPSession) async -> Outcome {
    let id = nextID()
    let era = session.info.era
    guard let body = envelope.request(request, id: id, era: era) else {
      return .failed(CallError(.invalidParams, "the parameters of \(ErrorText.clean(request.method, limit: 60)) must be an object"))
    }
    shared.withLockedValue { state in
      state.stats.requests += 1
      state.stats.inFlight += 1
    }
    defer { shared.withLockedValue { $0.stats.inFlight -= 1 } }
    var filter = StreamFilter(id: id, peer: request.caller?.peer, onProgress: request.onProgress)
    let message = HTTPExchange.Message(
      body: body, id: id, method: request.method, name: request.name, headers: request.allHeaders, isRepeatable: request.isRepeatable,
      filter: filter)
    do throws(HTTPRefusal) {
      let answer = try await exchange.post(message, in: session, era: era, until: request.deadline) { message in
        self.heard(message, in: session, &filter)
      }.answer
      switch answer {
      case .result(let value): return .answered(value)
      case .failure(let error): return rejected(error, in: session)
      case .accepted: return .failed(ErrorText.invalid(name, "it took a request for a notification"))
      }
    } catch {
      if case .closed = error { return .unsent(error.reason) }
      if let reason = await end(of: session, in: error, until: request.deadline) { return .sessionLost(reason) }
      return outcome(of: error, request, id, in: session)
    }
  }

  /// Why the session is over, where what became of one call shows that it is.
  private func end(of session: HTTPSession, in refusal: HTTPRefusal, until deadline: Moment) async -> String? {
    // With HTTP+SSE it is not said which status an unknown session gets.
    guard session.isKept, refusal.doubtsSession || (session.channel != nil && refusal.status == 400) else { return nil }
    return await knows(session, until: deadline) ? nil : "it forgot the session"
  }

  /// Whether the server still answers in this session: 404 to one call may be that tool's own, which is no reason to leave all others waiting
  /// for a new session.
  func knows(_ session: HTTPSession, until deadline: Moment) async -> Bool {
    guard shared.withLockedValue({ $0.session?.generation == session.generation }) else { return false }
    let id = nextID()
    let message = HTTPExchange.Message(body: envelope.ping(id: id), id: id, method: MCPMethod.ping, isRepeatable: true)
    let answer = try? await exchange.post(message, in: session, era: session.info.era, until: min(deadline, time.now() + .seconds(10)))
    return answer != nil || Task.isCancelled
  }

  /// Maps what is no JSON-RPC answer, and tells a legacy server about callers who left.
  private func outcome(of refusal: HTTPRefusal, _ request: UpstreamRequest, _ id: Int, in session: HTTPSession) -> Outcome {
    switch refusal {
    case .status(401, _, _), .status(403, _, _): return .failed(forbidden(refusal, request, in: session))
    case .status(429, _, let retryAfter):
      return .failed(CallError(.throttled, "upstream \(name) refuses more calls for now (HTTP 429)", retryAfter: retryAfter))
    case .status(let status, _, let retryAfter) where status >= 500:
      return .failed(ErrorText.lost(name, refusal.reason, wait: retryAfter ?? .seconds(1)))
    case .status(let status, let error?, _): return rejected(error, in: session, isRefused: status == 400)
    case .status, .invalid: return .failed(ErrorText.invalid(name, refusal.reason))
    case .cutOff, .closed: return .lost(refusal.reason)
    case .transport(let error): return outcome(of: error, id, in: session)
    }
  }

  /// What is refused to a call may be the tool's own matter, such as a scope that it wants: the call fails and no other. What is refused to the
  /// listing is the upstream's.
  private func forbidden(_ refusal: HTTPRefusal, _ request: UpstreamRequest, in session: HTTPSession) -> CallError {
    if request.method == MCPMethod.toolsList {
      giveUp(session, because: refusal.reason)
      return ErrorText.down(name, refusal.reason, wait: nil)
    }
    if refusal.status == 401 { keeper.credentialDoubted() }
    return CallError(.upstreamError, "upstream \(name) did not carry the call out: \(refusal.reason)")
  }

  private func outcome(of error: HTTPClientError, _ id: Int, in session: HTTPSession) -> Outcome {
    switch error.code {
    case .cancelled:
      sayCancelled(id, "cancelled by the caller", in: session)
      return .failed(ErrorText.cancelled(name))
    case .timedOut(.connect), .connectFailed, .tls:
      giveUp(session, because: ErrorText.clean(error.message, limit: 200))
      return .failed(ErrorText.down(name, ErrorText.clean(error.message, limit: 200), wait: retryWait))
    case .timedOut:
      sayCancelled(id, "deadline passed", in: session)
      return .failed(ErrorText.timedOut(name))
    case .closedEarly: return .lost("its connection closed before the answer was complete")
    case .bodyTooLarge: return .failed(ErrorText.invalid(name, "it is larger than \(exchange.maxMessageBytes) bytes"))
    case .headTooLarge, .protocolError: return .failed(ErrorText.invalid(name, ErrorText.clean(error.message, limit: 200)))
    case .overloaded, .shutDown: return .failed(CallError(.overloaded, "no more calls to upstream \(name) can be made now", retryAfter: .seconds(1)))
    case .invalidRequest, .alreadyConsumed, .internalFault:
      return .failed(CallError(.internalFault, "the call to upstream \(name) could not be made"))
    }
  }

  /// A JSON-RPC error. One that says our revision is not spoken any more puts the session in doubt.
  private func rejected(_ error: RPCErrorObject, in session: HTTPSession, isRefused: Bool = false) -> Outcome {
    if session.info.era == .modern, error.code == RPCErrorObject.unsupportedVersion {
      giveUp(session, because: "it does not speak our revision any more")
    }
    var told = ErrorText.callError(error, from: name)
    told.refusesHeaders = isRefused && session.info.era == .modern && error.code == RPCErrorObject.headerMismatch
    return .failed(told)
  }

  /// Modern servers take the closed stream as a cancellation; legacy servers want to be told (MCP 2025-11-25, cancellation).
  private func sayCancelled(_ id: Int, _ reason: String, in session: HTTPSession) {
    guard session.info.era == .legacy else { return }
    notify(MCPMethod.cancelled, envelope.cancelled(id: id, reason: reason), in: session)
  }

  package func tell(_ method: String) {
    guard let session = shared.withLockedValue({ $0.session }), session.info.era == .legacy else { return }
    notify(method, RPCWriter.notification(method: method, params: nil), in: session)
  }

  /// Sends a message that has no answer, whenever. False where too many wait already; it is not sent then.
  @discardableResult
  private func notify(
    _ method: String, _ body: [UInt8], in session: HTTPSession, afterwards: @escaping @Sendable () -> Void = {}
  ) -> Bool {
    later {
      let message = HTTPExchange.Message(body: body, id: nil, method: method)
      _ = try? await self.exchange.post(message, in: session, era: session.info.era, until: self.time.now() + .seconds(10))
      afterwards()
    }
  }

  /// Answers what a legacy server asks. Weir declares no capabilities, so there is nothing to ask for but `ping`. A stream that asks faster than
  /// it takes the answers is not answered more often.
  private func answer(_ id: RPCID, _ method: String, in session: HTTPSession, _ filter: StreamFilter) {
    let isPing = method == MCPMethod.ping
    let slots = isPing ? filter.pings : filter.refusals
    guard slots.take() else { return shared.withLockedValue { $0.stats.droppedMessages += 1 } }
    let error = RPCErrorObject(code: RPCErrorObject.methodNotFound, message: "this client declares no capabilities")
    let body = isPing ? RPCWriter.result(id: id, "{}".utf8) : RPCWriter.error(id: id, error)
    if !notify("", body, in: session, afterwards: { slots.giveBack() }) { slots.giveBack() }
  }

  /// Brings a question of the server to the client that its session was opened for, and the answer back.
  private func ask(_ peer: any ClientPeer, _ id: RPCID, _ method: String, _ params: [UInt8]?, in session: HTTPSession, _ filter: StreamFilter) {
    let slots = filter.questions
    guard slots.take() else { return answer(id, method, in: session, filter) }
    let question = questions.open(id)
    let isTaken = later {
      if let body = await self.questions.ask(question, { await peer.answer(id, method, params) }) {
        let message = HTTPExchange.Message(body: body, id: nil, method: "")
        _ = try? await self.exchange.post(message, in: session, era: .legacy, until: self.time.now() + .seconds(10))
      }
      slots.giveBack()
    }
    guard !isTaken else { return }
    questions.close(question)
    slots.giveBack()
  }

  /// A message that is not the answer waited for.
  func heard(_ message: RPCMessage, in session: HTTPSession, _ filter: inout StreamFilter) {
    switch message {
    case .notification(MCPMethod.progress, let params?): filter.progress.feed(params, now: time.now())
    case .notification(let method, _) where UpstreamFeatures(announcedBy: method) != nil:
      if keeper.changed(UpstreamFeatures(announcedBy: method) ?? []) { reporter.announceChange() }
    case .notification(MCPMethod.resourceUpdated, let params):
      if let bytes = params?["uri"]?.stringBytes, let uri = Name(utf8: bytes) { reporter.updated(uri) }
    case .notification(MCPMethod.elicitationComplete, let params):
      (filter.peer ?? configuration.home)?.notify(MCPMethod.elicitationComplete, params?.raw)
    case .notification(MCPMethod.cancelled, let params):
      if session.info.era == .legacy, let id = params?["requestId"].flatMap({ RPCID($0) }) { questions.withdraw(id) }
    case .notification(MCPMethod.message, let params):
      filter.peer?.notify(MCPMethod.message, params?.raw)
      logger.debug("upstream logged a message", metadata: ["level": "\(exchange.redactor.clean(params?["level"]?.string ?? "unknown", limit: 20))"])
    case .notification: break
    case .request(let id, let method, let params):
      guard session.info.era == .legacy else { return shared.withLockedValue { $0.stats.invalidMessages += 1 } }
      if method != MCPMethod.ping, configuration.clientCapabilities != nil, let peer = filter.peer {
        ask(peer, id, method, params?.raw, in: session, filter)
      } else {
        answer(id, method, in: session, filter)
      }
    case .response, .failure: shared.withLockedValue { $0.stats.unknownResponses += 1 }
    }
  }

  /// The session there is, or the one that is being opened in place of one that the server forgot.
  private func currentSession(until deadline: Moment) async -> HTTPSession? {
    await session(newerThan: 0, until: deadline)
  }

  private func sessionAfter(_ session: HTTPSession, until deadline: Moment) async -> HTTPSession? {
    await self.session(newerThan: session.generation, until: deadline)
  }

  /// Waits only while a session is being renewed: where a server cannot be reached, nobody waits for it.
  private func session(newerThan generation: Int, until deadline: Moment) async -> HTTPSession? {
    let find = { @Sendable in
      self.shared.withLockedValue { state in
        (session: state.session.flatMap { $0.generation > generation ? $0 : nil }, isComing: state.isRenewing)
      }
    }
    while !Task.isCancelled {
      let found = find()
      if let session = found.session { return session }
      guard found.isComing, await gate.wait(time, until: deadline, isOpen: { find().session != nil || !find().isComing }) else { return nil }
    }
    return nil
  }

  private func unavailable() -> CallError {
    ErrorText.down(name, shared.withLockedValue { $0.lastFailure } ?? "it is still connecting", wait: retryWait)
  }

  private var retryWait: Duration {
    let now = time.now()
    return max(shared.withLockedValue { $0.retryAt ?? now } - now, .zero) + .seconds(1)
  }
}

extension UpstreamRequest {
  fileprivate var allHeaders: [(name: String, value: String)] {
    headers + clientHeaders.filter { further in !headers.contains { HTTPHeaders.isSame($0.name, further.name) } }
  }
}
