import WeirCore
import WeirHTTPClient
import WeirJSON
import WeirMCP

/// Sends single messages and reads what comes back: by Streamable HTTP (MCP 2026-07-28 and 2025-11-25, transports), or where the session has a
/// channel by HTTP+SSE (MCP 2024-11-05, transports).
struct HTTPExchange: Sendable {
  /// What a message was answered with.
  enum Answer: Sendable {
    case result(JSONValue)
    case failure(RPCErrorObject)
    /// A notification or a response was taken.
    case accepted
  }

  /// One message and what its headers are made of.
  struct Message: Sendable {
    var body: [UInt8]
    /// Of a request; nil for what has no answer.
    var id: Int?
    var method: String
    var name: Name?
    /// Of modern requests, beside those that every message has.
    var headers: [(name: String, value: String)] = []
    var isRepeatable = false
    /// Whose request it is, where the answer comes on a stream with those of others.
    var filter: StreamFilter?
  }

  let configuration: HTTPUpstreamConfiguration
  let redactor: Redactor
  let client: HTTPClient
  let userAgent: String
  let time: any TimeSource

  /// Sends one message and waits for its answer until `deadline`. Other messages on the way go to `onMessage`, in order.
  /// Cancelling the task closes the stream, which a modern server takes as a cancellation.
  func post(
    _ message: Message, in session: HTTPSession?, era: ProtocolEra, until deadline: Moment, onMessage: (RPCMessage) -> Void = { _ in }
  ) async throws(HTTPRefusal) -> (answer: Answer, headers: HTTPHeaders) {
    if let session, let channel = session.channel { return (try await send(message, in: session, over: channel, until: deadline), HTTPHeaders()) }
    var headers = messageHeaders(session, era)
    if era == .modern {
      headers.append(("mcp-method", message.method))
      headers += message.headers
      if let name = message.name { headers.append(("mcp-name", HeaderText.encode("\(name)"))) }
    }
    let request = self.request("POST", headers, body: message.body, until: deadline, isRepeatable: message.isRepeatable)
    let response = try await send(request)
    guard (200..<300).contains(response.head.status) else { throw await refusal(response) }
    guard let id = message.id else { return (.accepted, response.head.headers) }
    let answer: Answer
    if isEventStream(response.head) {
      answer = try await follow(response.body, to: RPCID(id), in: era == .legacy ? session : nil, until: deadline, onMessage)
    } else {
      answer = try await readDocument(response, RPCID(id))
    }
    return (answer, response.head.headers)
  }

  /// Posts to the endpoint of the session's stream. Where there is an answer, it is waited for on the stream, whatever the POST is answered with.
  private func send(
    _ message: Message, in session: HTTPSession, over channel: EventChannel, until deadline: Moment
  ) async throws(HTTPRefusal) -> Answer {
    let request = self.request(
      "POST", to: try channel.endpoint, messageHeaders(session, .legacy), body: message.body, until: deadline, isRepeatable: message.isRepeatable)
    let post = { () async throws(HTTPRefusal) in
      let response = try await self.send(request)
      guard (200..<300).contains(response.head.status) else { throw await self.refusal(response) }
    }
    guard let id = message.id else {
      try await post()
      return .accepted
    }
    return try await channel.answer(to: id, message.filter ?? StreamFilter(id: id, peer: nil), until: deadline, post: post)
  }

  /// Opens the stream for what the server has to say unasked (legacy), or without a session that of HTTP+SSE. The body ends when either side
  /// closes it.
  func listen(in session: HTTPSession?, after place: StreamPlace = StreamPlace()) async throws(HTTPRefusal) -> HTTPResponse {
    try await stream(streamRequest(in: session, after: place, until: .distantFuture))
  }

  /// Opens the stream of `subscriptions/listen` (modern). The body ends when either side closes it.
  func listen(_ body: [UInt8]) async throws(HTTPRefusal) -> HTTPResponse {
    let headers = messageHeaders(nil, .modern) + [("mcp-method", MCPMethod.subscriptionsListen)]
    return try await stream(request("POST", headers, body: body, until: .distantFuture, isRepeatable: true))
  }

  private func stream(_ request: HTTPRequest) async throws(HTTPRefusal) -> HTTPResponse {
    var request = request
    request.headTimeout = .seconds(30)
    request.idleTimeout = .seconds(600)
    request.totalTimeout = .seconds(Int64.max)
    request.maxBodyBytes = .max
    return try await open(request)
  }

  /// Sends what only an event stream answers.
  func open(_ request: HTTPRequest) async throws(HTTPRefusal) -> HTTPResponse {
    let response = try await send(request)
    guard response.head.status == 200, isEventStream(response.head) else { throw await refusal(response) }
    return response
  }

  /// Ends a legacy session. Servers may refuse; either way it is over.
  func delete(_ session: HTTPSession, until deadline: Moment) async {
    guard session.id != nil else { return }
    let request = self.request("DELETE", commonHeaders(session, .legacy), body: [], until: deadline, isRepeatable: true)
    _ = try? await send(request).body.collect(upTo: 4096)
  }

  /// The largest event or document that is read.
  var maxMessageBytes: Int { configuration.maxResponseBytes }

  // MARK: Requests

  /// Of the `GET` of an event stream, from where it was left.
  func streamRequest(in session: HTTPSession?, after place: StreamPlace, until deadline: Moment) -> HTTPRequest {
    var headers = commonHeaders(session, .legacy) + [("accept", "text/event-stream")]
    if let id = place.lastEventID { headers.append(("last-event-id", id)) }
    return request("GET", headers, body: [], until: deadline, isRepeatable: true)
  }

  /// Of a POST.
  private func messageHeaders(_ session: HTTPSession?, _ era: ProtocolEra) -> [(name: String, value: String)] {
    var headers = commonHeaders(session, era)
    headers.append(("content-type", "application/json"))
    headers.append(("accept", "application/json, text/event-stream"))
    return headers
  }

  private func commonHeaders(_ session: HTTPSession?, _ era: ProtocolEra) -> [(name: String, value: String)] {
    var headers: [(name: String, value: String)] = []
    headers.reserveCapacity(configuration.headers.count + 10)
    headers.append(("user-agent", userAgent))
    for header in configuration.headers where !HTTPUpstreamConfiguration.isReserved(header.name) {
      headers.removeAll { HTTPHeaders.isSame($0.name, header.name) && $0.name == "user-agent" }
      headers.append((header.name, header.value.reveal))
    }
    switch era {
    case .modern: headers.append(("mcp-protocol-version", ProtocolRevision.modern.rawValue))
    case .legacy:
      if let revision = session?.info.revision, revision >= .v2025_06_18 { headers.append(("mcp-protocol-version", revision.rawValue)) }
      if let id = session?.id { headers.append(("mcp-session-id", id)) }
    }
    return headers
  }

  private func request(
    _ method: String, to url: String? = nil, _ headers: [(name: String, value: String)], body: [UInt8], until deadline: Moment, isRepeatable: Bool
  ) -> HTTPRequest {
    let patience = max(deadline - time.now(), .milliseconds(1))
    return HTTPRequest(
      method: method, url: url ?? configuration.url, headers: headers, body: body,
      connectTimeout: min(configuration.connectTimeout, patience),
      headTimeout: patience, idleTimeout: patience, totalTimeout: patience, maxBodyBytes: configuration.maxResponseBytes,
      isRepeatable: isRepeatable)
  }

  private func send(_ request: HTTPRequest) async throws(HTTPRefusal) -> HTTPResponse {
    do { return try await client.send(request) } catch { throw .transport(error) }
  }

  // MARK: Answers

  private func isEventStream(_ head: HTTPResponseHead) -> Bool {
    head.headers.first("content-type")?.lowercased().hasPrefix("text/event-stream") ?? false
  }

  private func refusal(_ response: HTTPResponse) async -> HTTPRefusal {
    let retryAfter = response.head.headers.first("retry-after").flatMap { RetryAfter.parse($0, now: time.wall()) }
    var error: RPCErrorObject?
    if let body = try? await response.body.collect(upTo: 64 * 1024),
      case .message(.failure(_, let found)) = IncomingMessage(reading: body, maxBytes: 64 * 1024, redactor: redactor)
    {
      error = found
    }
    return .status(response.head.status, error, retryAfter: retryAfter)
  }

  private func readDocument(_ response: HTTPResponse, _ id: RPCID) async throws(HTTPRefusal) -> Answer {
    let body: [UInt8]
    do { body = try await response.body.collect(upTo: maxMessageBytes) } catch { throw .transport(error) }
    guard !body.isEmpty else { throw .invalid("it answered a request with HTTP \(response.head.status) and an empty body") }
    switch IncomingMessage(reading: body, maxBytes: maxMessageBytes, redactor: redactor) {
    case .message(.response(let answered, let result)) where answered == id: return .result(result)
    case .message(.failure(let answered, let error)) where answered == nil || answered == id: return .failure(error)
    case .message: throw .invalid("its answer is for another request")
    case .malformed(_, let error): throw .invalid(error.message)
    case .unreadable(_, let error): throw .invalid("its answer is no JSON: \(error.message)")
    }
  }

  /// The next piece of a body; nil at its end.
  func next(_ iterator: HTTPBody.AsyncIterator) async throws(HTTPRefusal) -> [UInt8]? {
    do { return try await iterator.nextPiece() } catch { throw .transport(error) }
  }
}
