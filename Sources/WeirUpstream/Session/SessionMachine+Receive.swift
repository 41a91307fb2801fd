package import WeirCore
import WeirJSON
import WeirMCP

extension SessionMachine {
  /// A message of the server. Nothing in it can do more harm than to fail the call that it names.
  package mutating func receive(_ message: IncomingMessage, now: Moment) -> [SessionAction] {
    if case .ended = phase { return [] }
    switch message {
    case .message(.request(let id, let method, let params)): return answer(id, method, params)
    case .message(.notification(let method, let params)): return notified(method, params, now)
    case .message(.response(let id, let result)): return responded(id, result, now)
    case .message(.failure(let id, let error)): return failed(id, error, now)
    case .malformed(let root, let error): return malformed(root, error)
    case .unreadable(let looksLikeObject, let error): return unreadable(looksLikeObject, error)
    }
  }

  /// A server asks. Where no capabilities were declared there is nothing to ask for but `ping`; in the modern era there are no such requests.
  private mutating func answer(_ id: RPCID, _ method: String, _ params: JSONValue?) -> [SessionAction] {
    if info?.era == .modern {
      invalidMessages += 1
      return []
    }
    if method == MCPMethod.ping { return [.write(RPCWriter.result(id: id, "{}".utf8))] }
    if clientCapabilities != nil { return [.asked(id: id, method: method, params: params?.raw)] }
    let error = RPCErrorObject(code: RPCErrorObject.methodNotFound, message: "this client declares no capabilities")
    return [.write(RPCWriter.error(id: id, error))]
  }

  private mutating func notified(_ method: String, _ params: JSONValue?, _ now: Moment) -> [SessionAction] {
    if let lists = UpstreamFeatures(announcedBy: method) { return info == nil ? [] : [.changed(lists)] }
    switch method {
    case MCPMethod.progress: return params.map { progressed($0, now) } ?? []
    case MCPMethod.resourceUpdated:
      guard let bytes = params?["uri"]?.stringBytes, let uri = Name(utf8: bytes) else { return [] }
      return [.resourceUpdated(uri: uri)]
    case MCPMethod.subscriptionsAcknowledged: return acknowledged()
    case MCPMethod.cancelled:
      guard let id = params?["requestId"].flatMap({ RPCID($0) }) else { return [] }
      guard info?.era == .modern else { return clientCapabilities == nil ? [] : [.withdrawn(id: id)] }
      listeningCancelled(id, now: now)
      return []
    case MCPMethod.elicitationComplete: return [.told(method: method, params: params?.raw)]
    case MCPMethod.message: return [.serverLog(level: redactor.clean(params?["level"]?.string ?? "unknown", limit: 20), params: params?.raw)]
    default: return []
    }
  }

  /// Passes a report on to the call whose token it names, while that is in flight and only if the number has risen (MCP, progress),
  /// and not more of them than `ProgressPace` admits.
  private mutating func progressed(_ params: JSONValue, _ now: Moment) -> [SessionAction] {
    guard let id = params["progressToken"]?.int, let call = pending[id], call.onProgress, let progress = params["progress"]?.double,
      progress > call.lastProgress ?? -.infinity, pending[id]?.pace.admits(now: now) == true
    else { return [] }
    pending[id]?.lastProgress = progress
    return [.progress(id: id, CallProgress(params: params.removing(["progressToken"])))]
  }

  private mutating func responded(_ id: RPCID, _ result: JSONValue, _ now: Moment) -> [SessionAction] {
    switch phase {
    case .probing(let expected, _) where id == RPCID(expected): return follow(OpeningAnswer.discovered(result, redactor))
    case .initializing(let expected) where id == RPCID(expected): return follow(OpeningAnswer.initialized(result, redactor))
    default: break
    }
    if let actions = finishErrand(id, isRefusal: false, now: now) { return actions }
    guard let number = id.int, id == RPCID(number), pending.removeValue(forKey: number) != nil else {
      unknownResponses += 1
      return []
    }
    return [.finished(id: number, .success(result))]
  }

  private mutating func failed(_ id: RPCID?, _ error: RPCErrorObject, _ now: Moment) -> [SessionAction] {
    switch phase {
    case .probing(let expected, _) where id == nil || id == RPCID(expected): return follow(OpeningAnswer.discoverFailed(error))
    case .initializing(let expected) where id == nil || id == RPCID(expected): return follow(OpeningAnswer.initializeFailed(error))
    default: break
    }
    if let actions = finishErrand(id, isRefusal: true, now: now) { return actions }
    guard let id, let number = id.int, id == RPCID(number), pending.removeValue(forKey: number) != nil else {
      unknownResponses += 1
      return []
    }
    return [.finished(id: number, .failure(ErrorText.callError(error, from: upstream)))]
  }

  private mutating func follow(_ answer: OpeningAnswer) -> [SessionAction] {
    switch answer {
    case .open(let info):
      phase = .open(info)
      return (info.era == .legacy ? [.write(envelope.initialized())] : []) + listen() + [.opened(info)]
    case .tryLegacy:
      guard opening == .modern else { return initialize() }
      return end("it does not speak \(ProtocolRevision.modern.rawValue), the only revision allowed by configuration")
    case .refuse(let reason):
      return end(reason)
    }
  }

  /// Bytes that are no JSON: a banner on standard output, say. Where only one call is in flight and it looks like a message, it was the answer.
  private mutating func unreadable(_ looksLikeObject: Bool, _ error: JSONError) -> [SessionAction] {
    invalidMessages += 1
    guard looksLikeObject, pending.count == 1, let id = pending.keys.first else { return [] }
    pending.removeAll()
    return [.finished(id: id, .failure(ErrorText.invalid(upstream, error.message)))]
  }

  /// JSON that is no JSON-RPC message, though it may name the call that it was meant for.
  private mutating func malformed(_ root: JSONValue, _ error: RPCErrorObject) -> [SessionAction] {
    invalidMessages += 1
    guard root["method"] == nil, let id = RPCMessage.id(of: root) else { return [] }
    switch phase {
    case .probing(let expected, _) where id == RPCID(expected): return follow(.tryLegacy)
    case .initializing(let expected) where id == RPCID(expected): return end("its answer to initialize is invalid: \(error.message)")
    default: break
    }
    guard let number = id.int, id == RPCID(number), pending.removeValue(forKey: number) != nil else { return [] }
    return [.finished(id: number, .failure(ErrorText.invalid(upstream, error.message)))]
  }
}
