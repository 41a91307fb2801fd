import WeirCore
import WeirHTTPClient
import WeirMCP

/// Sends single messages by Streamable HTTP, and passes on what comes back.
struct BridgeExchange: Sendable {
  typealias Field = MessageHeaders.Field
  /// What comes before a message is done with.
  enum Heard: Sendable {
    case line([UInt8])
    /// One of several.
    case answer(ServerAnswer)
  }

  /// Takes it for the client, and returns when it is written.
  typealias Pass = @Sendable (Heard) async -> Void

  let configuration: BridgeConfiguration
  let client: HTTPClient
  let time: any TimeSource

  var problem: Problem { Problem(origin: BridgeAddress.origin(of: configuration.url), hasToken: configuration.token != nil) }

  /// Sends one message and waits for what it comes to. Other messages on the way are passed on in their order. Cancelling the task closes the
  /// connection.
  func post(_ outgoing: BridgeMachine.Outgoing, _ pass: Pass) async -> BridgeMachine.Outcome {
    var request = self.request("POST", outgoing.headers + [("content-type", "application/json"), ("accept", "application/json, text/event-stream")])
    request.body = outgoing.message.line
    request.isRepeatable = outgoing.message.isRepeatable
    // A listener may hear nothing for days; the connection is watched by TCP.
    if outgoing.message.method == MCPMethod.subscriptionsListen { request.idleTimeout = .seconds(Int64.max) }
    do throws(HTTPClientError) {
      let response = try await client.send(request)
      guard (200..<300).contains(response.head.status) else { return await refused(response, outgoing) }
      let session = response.head.headers.first("mcp-session-id")
      var awaited = Awaited(outgoing.message, session, problem)
      guard !awaited.ids.isEmpty else {
        if !isEventStream(response.head) { _ = try? await response.body.collect(upTo: 64 * 1024) }
        return .accepted
      }
      if isEventStream(response.head) { return try await followed(response.body, outgoing, &awaited, pass) }
      return try await document(response, &awaited, pass)
    } catch {
      return .failed(problem.transport(error))
    }
  }

  /// Tells the server that the session is over. It may refuse; either way it is.
  func end(_ headers: [Field]) async {
    var request = self.request("DELETE", headers)
    request.totalTimeout = .seconds(1)
    _ = try? await client.send(request).body.collect(upTo: 4096)
  }

  func request(_ method: String, _ headers: [Field]) -> HTTPRequest {
    var all: [Field] = [("user-agent", "weir/\(configuration.version)")] + headers
    if let token = configuration.token { all.append(("authorization", "Bearer \(token.reveal)")) }
    return HTTPRequest(
      method: method, url: configuration.url, headers: all, headTimeout: configuration.maxSilence, idleTimeout: configuration.maxSilence,
      totalTimeout: .seconds(Int64.max), maxBodyBytes: .max)
  }

  func isEventStream(_ head: HTTPResponseHead) -> Bool {
    head.headers.first("content-type")?.lowercased().hasPrefix("text/event-stream") ?? false
  }

  private func document(
    _ response: HTTPResponse, _ awaited: inout Awaited, _ pass: Pass
  ) async throws(HTTPClientError) -> BridgeMachine.Outcome {
    let body = try await response.body.collect(upTo: configuration.maxMessageBytes)
    if body.isEmpty { return .failed(problem.invalid("HTTP \(response.head.status) with an empty body")) }
    for message in ServerMessage.all(reading: body, for: awaited.ids, maxBytes: configuration.maxMessageBytes) {
      if let outcome = await awaited.take(message, pass) { return outcome }
    }
    return awaited.isBatch ? .accepted : .failed(problem.invalid("it is for another request"))
  }

  /// What a status that is no success means. An error of JSON-RPC in the body is the server's answer.
  private func refused(_ response: HTTPResponse, _ outgoing: BridgeMachine.Outgoing) async -> BridgeMachine.Outcome {
    let status = response.head.status
    let body = (try? await response.body.collect(upTo: 64 * 1024)) ?? []
    let message = RefusalBody(body, for: outgoing.message.id)
    let isInSession = outgoing.headers.contains { $0.name == "mcp-session-id" }
    // 404 may also be the answer to a method that is not there.
    if status == 404, isInSession, message.code != RPCErrorObject.methodNotFound { return .sessionLost }
    if let answer = message.answer, status != 401, status != 403 { return .answered(answer) }
    return .failed(problem.status(status, said: message.text, retryAfter: response.head.headers.first("retry-after")))
  }
}
