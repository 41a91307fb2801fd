import WeirCore
import WeirHTTPClient
import WeirMCP

/// Event streams: of answers, and of what a server says unasked.
extension BridgeExchange {
  /// Where a stream was left, for who wants to go on.
  struct Place: Sendable {
    /// What `Last-Event-ID` says.
    var lastEventID: String?
    /// The pause in milliseconds that the server asked for.
    var retry: Int?
  }

  /// How the reading of a stream came to its end.
  private enum Reading {
    case done(BridgeMachine.Outcome)
    /// The server closed it, or the connection broke.
    case ended(hasHeard: Bool)
  }

  private static let maxResumptions = 5

  /// The answer that comes in an event stream. A server of the handshake eras may close it and go on in another (2025-11-25, transports,
  /// resumability).
  func followed(
    _ first: HTTPBody, _ outgoing: BridgeMachine.Outgoing, _ awaited: inout Awaited, _ pass: Pass
  ) async throws(HTTPClientError) -> BridgeMachine.Outcome {
    let isModern = outgoing.message.version != nil
    var place = Place()
    var body = first
    var attempts = 0
    while true {
      switch await read(body, &awaited, isModern: isModern, &place, pass) {
      case .done(let outcome): return outcome
      case .ended(let hasHeard): attempts = hasHeard ? 1 : attempts + 1
      }
      guard !isModern, place.lastEventID != nil, attempts <= Self.maxResumptions, !Task.isCancelled else { return .failed(problem.cutOff) }
      try? await time.sleep(until: time.now() + .milliseconds(min(max(place.retry ?? 1000, 100), 60_000)))
      let response = try await client.send(streamRequest(outgoing.headers, place))
      guard response.head.status == 200, isEventStream(response.head) else { return .failed(problem.cutOff) }
      body = response.body
    }
  }

  /// Opens the stream of `GET` and passes on what comes until it ends.
  func listen(_ headers: [Field], _ place: inout Place, _ pass: Pass) async -> ListenOutcome {
    do throws(HTTPClientError) {
      let response = try await client.send(streamRequest(headers, place))
      let status = response.head.status
      guard status == 200, isEventStream(response.head) else { return .refused(status: status == 200 ? 405 : status) }
      place.retry = nil
      var awaited = Awaited.nothing(problem)
      guard case .ended(let hasHeard) = await read(response.body, &awaited, isModern: false, &place, pass) else { return .failed }
      return .ended(hasHeard: hasHeard, retry: place.retry)
    } catch {
      return .failed
    }
  }

  private func streamRequest(_ headers: [Field], _ place: Place) -> HTTPRequest {
    var request = self.request("GET", headers + [("accept", "text/event-stream")])
    if let id = place.lastEventID { request.headers.append(("last-event-id", id)) }
    request.headTimeout = .seconds(30)
    request.isRepeatable = true
    return request
  }

  private func read(_ body: HTTPBody, _ awaited: inout Awaited, isModern: Bool, _ place: inout Place, _ pass: Pass) async -> Reading {
    var parser = ServerSentEventParser(maxEventBytes: configuration.maxMessageBytes)
    let iterator = body.makeAsyncIterator()
    var hasHeard = false
    while let piece = try? await iterator.nextPiece() {
      let events: [ServerSentEvent]
      do { events = try parser.feed(piece) } catch { return .done(.failed(problem.invalid("\(error)"))) }
      for event in events where !event.data.isEmpty {
        hasHeard = true
        for message in ServerMessage.all(reading: event.data, for: awaited.ids, maxBytes: configuration.maxMessageBytes) {
          // A modern server asks in its results; whoever answers it otherwise is refused.
          if isModern, case .asked = message { continue }
          if let outcome = await awaited.take(message, pass) { return .done(outcome) }
        }
      }
      if let id = parser.lastEventID { place.lastEventID = id.isEmpty ? nil : id }
      place.retry = parser.retry ?? place.retry
    }
    return .ended(hasHeard: hasHeard)
  }
}
