internal import Crypto
internal import WeirCore
internal import WeirJSON
internal import WeirMCP

/// Brings a call to its end whose upstream wants input of the client on the way (MCP 2026-07-28, multi round-trip requests).
///
/// A modern client gets the question as the call's result and comes back; what the upstream wants to see again is sealed meanwhile. A legacy
/// client is asked on its stream, and the call goes out again with what it says.
struct InputRounds: Sendable {
  /// Members of `params` in the place of the client's own; nil: without it.
  typealias Members = [(name: String, value: [UInt8]?)]

  /// What a request continues.
  private struct Continuation {
    var members: Members = []
    /// How often its user has been sent somewhere.
    var visits: UInt8 = 0
  }

  private static let mostRounds = 8
  private static let purpose = "requestState"
  private static let visitPurpose = "visit"
  /// How long a modern client may take to come back.
  private static let patience: Duration = .seconds(3600)

  /// Who asks: what is sealed for one, no other can bring back.
  let principal: Name
  let client: UpstreamCaller?
  let introduction: Introduction
  let method: String
  let sealer: Sealer
  let now: WallTime

  /// - Parameters:
  ///   - params: the client's, which may continue an earlier call.
  ///   - send: sends the call with these members of `params` set.
  /// - Throws: `invalidParams` for a state that is not from here; what `send` does.
  func run(_ params: JSONValue, send: (Members) async throws(CallError) -> CallResult) async throws(CallError) -> CallResult {
    let continuation = try continuation(of: params)
    guard client?.session != nil else {
      do throws(CallError) {
        return try sealed(try await send(continuation.members), for: params)
      } catch  where RequiredVisits.areIn(error) {
        return try visiting(error, after: continuation.visits, params)
      }
    }
    var result = try await send(continuation.members)
    for _ in 0..<Self.mostRounds {
      guard result.isInputRequired else { return try complete(result) }
      result = try await send(try await answers(to: result))
    }
    throw CallError.unfinished(upstream, "it still wants input after \(Self.mostRounds) rounds")
  }

  // MARK: Modern clients

  private var upstream: Name { introduction.upstream }
  /// What a sealed state is good for: the same request of the same principal (M38).
  private func names(for params: JSONValue) -> [Name] {
    let own = ["_meta", "requestState", "inputResponses"]
    // What has no canonical form, such as numbers beyond all bounds, is the same where its bytes are.
    let same = (try? params.canonical(omitting: Set(own))) ?? params.removing(own)
    return [principal, upstream, Name(method), Name(SHA256.hash(data: same).map { String($0, radix: 16) }.joined(separator: "."))]
  }

  private func continuation(of params: JSONValue) throws(CallError) -> Continuation {
    guard let state = params["requestState"] else { return Continuation() }
    let (text, names) = (state.stringBytes ?? [], names(for: params))
    if let opened = sealer.open(text, for: Self.purpose, of: names, now: now) { return Continuation(members: [("requestState", opened)]) }
    guard let visits = sealer.open(text, for: Self.visitPurpose, of: names, now: now)?.first else {
      throw CallError(.invalidParams, "Invalid or expired requestState")
    }
    if RequiredVisits.areDeclined(in: params["inputResponses"]) { throw CallError.unfinished(upstream, "the user did not go where it sends them") }
    // The upstream knows nothing of either: it is asked again what it was asked before.
    return Continuation(members: [("requestState", nil), ("inputResponses", nil)], visits: visits)
  }

  /// The client is asked to send its user where the upstream wants them first, and then to come back.
  private func visiting(_ error: CallError, after visits: UInt8, _ params: JSONValue) throws(CallError) -> CallResult {
    guard visits < Self.mostRounds, let requests = RequiredVisits.requests(introduction.introduced(error), of: client) else { throw error }
    guard let state = sealer.seal([visits + 1], for: Self.visitPurpose, of: names(for: params), until: now + Self.patience) else {
      throw CallError(.internalFault, "The state of the call could not be sealed.")
    }
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("resultType", "input_required")
    writer.memberRaw("inputRequests", requests)
    writer.member("requestState", state)
    writer.endObject()
    do {
      return try CallResult(relaying: try JSONDocument(parsing: writer.bytes).root, isTool: false, isCacheable: false)
    } catch {
      throw CallError(.internalFault, "The question of the upstream could not be passed on.")
    }
  }

  private func sealed(_ result: CallResult, for params: JSONValue) throws(CallError) -> CallResult {
    try check(result)
    guard result.isInputRequired, let document = result.document else { return result }
    let root = introduction.introduced(document.root)
    guard let state = root["requestState"] else { return try remade(result, root.raw) }
    guard let sealed = sealer.seal(state.raw, for: Self.purpose, of: names(for: params), until: now + Self.patience) else {
      throw CallError(.internalFault, "The state of the call could not be sealed.")
    }
    return try remade(result, root.setting("requestState", to: JSONWriter.quoted(sealed)))
  }

  /// Only what the client can understand, and declared that it does (M13, M35, M36, M49).
  private func check(_ result: CallResult) throws(CallError) {
    guard let type = result.unfinishedType else { return }
    let mayAsk = [MCPMethod.toolsCall, MCPMethod.promptsGet, MCPMethod.resourcesRead].contains(method)
    if result.isInputRequired, mayAsk {
      let requests = result.document?.root["inputRequests"]
      let isDeclared = requests?.members.allSatisfy { _, request in
        request["method"]?.string.map { ClientCapabilities.permit($0, request["params"]?.raw, in: client?.capabilities) } ?? false
      }
      guard isDeclared ?? true else { throw invalid("asks for what the client did not declare") }
    } else if result.isTask {
      guard ClientCapabilities.knowsTasks(client?.capabilities) else { throw invalid("answers with a task, of which the client knows nothing") }
    } else {
      throw invalid("answers with the result type \(String(decoding: type.prefix(40), as: UTF8.self)), which this request does not have")
    }
  }

  private func invalid(_ what: String) -> CallError { CallError(.upstreamInvalid, "The upstream \(upstream) \(what).") }

  private func remade(_ result: CallResult, _ bytes: [UInt8]) throws(CallError) -> CallResult {
    do {
      return try result.with(bytes)
    } catch {
      throw CallError(.upstreamInvalid, error.message)
    }
  }

  // MARK: Legacy clients

  private func complete(_ result: CallResult) throws(CallError) -> CallResult {
    guard result.unfinishedType == nil else { throw CallError.unfinished(upstream, "this client cannot be told of it") }
    return result
  }

  /// Asks the client everything that the upstream wants to know, one after the other.
  private func answers(to result: CallResult) async throws(CallError) -> Members {
    guard let peer = client?.peer else { throw CallError.unfinished(upstream, "this client cannot be asked") }
    guard let root = result.document?.root else { throw CallError.unfinished(upstream, "its question makes no sense") }
    var responses = JSONWriter()
    responses.beginObject()
    if let requests = root["inputRequests"] {
      for (key, request) in requests.members {
        guard let name = key.string, let method = request["method"]?.string else {
          throw CallError.unfinished(upstream, "its question makes no sense")
        }
        do throws(ClientRefusal) {
          responses.memberRaw(name, try await peer.ask(method, legacyParams(of: request)))
        } catch {
          throw CallError.unfinished(upstream, "the client did not answer: \(error.message)")
        }
      }
    }
    responses.endObject()
    var members: Members = [("inputResponses", responses.bytes)]
    if let state = root["requestState"] { members.append(("requestState", state.raw)) }
    return members
  }

  /// In the handshake era a question that sends the user to a URL has an id of its own.
  private func legacyParams(of request: JSONValue) -> [UInt8]? {
    guard let params = request["params"] else { return nil }
    guard params["mode"]?.isString("url") == true, params["elicitationId"] == nil else { return params.raw }
    var generator = SystemRandomNumberGenerator()
    return params.setting("elicitationId", to: JSONWriter.quoted("\(upstream)-\(String(generator.next() as UInt64, radix: 16))"))
  }
}

extension CallResult {
  fileprivate var isInputRequired: Bool { unfinishedType.map { $0.elementsEqual(#""input_required""#.utf8) } ?? false }
  fileprivate var document: JSONDocument? { try? JSONDocument(parsing: bytes, limits: .upstreamResult) }
}

extension CallError {
  fileprivate static func unfinished(_ upstream: Name, _ why: String) -> CallError {
    CallError(.upstreamError, "The upstream \(upstream) wants input of the user before it answers: \(why).")
  }
}
