internal import WeirCore
internal import WeirJSON
internal import WeirMCP

/// Brings a call to its end whose upstream wants input of the client on the way (MCP 2026-07-28, multi round-trip requests).
///
/// A modern client gets the question as the call's result and comes back; what the upstream wants to see again is sealed meanwhile. A legacy
/// client is asked on its stream, and the call goes out again with what it says.
struct InputRounds: Sendable {
  typealias Members = [(name: String, value: [UInt8])]

  private static let mostRounds = 8
  private static let purpose = "requestState"
  /// How long a modern client may take to come back.
  private static let patience: Duration = .seconds(3600)

  /// Who asks: what is sealed for one, no other can bring back.
  let principal: Name
  let client: UpstreamCaller?
  let introduction: Introduction
  let sealer: Sealer
  let now: WallTime

  /// - Parameters:
  ///   - params: the client's, which may continue an earlier call.
  ///   - send: sends the call with these members of `params` set.
  /// - Throws: `invalidParams` for a state that is not from here; what `send` does.
  func run(_ params: JSONValue, send: (Members) async throws(CallError) -> CallResult) async throws(CallError) -> CallResult {
    var result = try await send(try continuation(of: params))
    guard client?.session != nil else { return try sealed(result) }
    for _ in 0..<Self.mostRounds {
      guard result.isInputRequired else { return try complete(result) }
      result = try await send(try await answers(to: result))
    }
    throw CallError.unfinished(upstream, "it still wants input after \(Self.mostRounds) rounds")
  }

  // MARK: Modern clients

  private var upstream: Name { introduction.upstream }
  private var names: [Name] { [principal, upstream] }

  private func continuation(of params: JSONValue) throws(CallError) -> Members {
    guard let state = params["requestState"] else { return [] }
    guard let text = state.stringBytes, let opened = sealer.open(text, for: Self.purpose, of: names, now: now) else {
      throw CallError(.invalidParams, "Invalid or expired requestState")
    }
    return [("requestState", opened)]
  }

  private func sealed(_ result: CallResult) throws(CallError) -> CallResult {
    guard result.isInputRequired, let document = result.document else { return result }
    let root = introduced(document.root)
    guard let state = root["requestState"] else { return try remade(result, root.raw) }
    guard let sealed = sealer.seal(state.raw, for: Self.purpose, of: names, until: now + Self.patience) else {
      throw CallError(.internalFault, "The state of the call could not be sealed.")
    }
    return try remade(result, root.setting("requestState", to: JSONWriter.quoted(sealed)))
  }

  private func introduced(_ root: JSONValue) -> JSONValue {
    guard let requests = root["inputRequests"] else { return root }
    let named = root.setting("inputRequests", to: introduction.named(inputRequests: requests))
    return (try? JSONDocument(parsing: named, limits: .upstreamResult).root) ?? root
  }

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
