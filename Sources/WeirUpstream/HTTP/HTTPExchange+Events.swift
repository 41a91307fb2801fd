import WeirCore
import WeirHTTPClient
import WeirJSON
import WeirMCP

/// Answers that come as event streams.
extension HTTPExchange {
  /// After so many streams in a row on which nothing came the answer is given up.
  private static let maxSilentStreams = 5

  /// The answer to the request `id`. A server of the handshake era may close the stream, or lose it, and go on in another one, which is asked for
  /// after the pause that it named (MCP 2025-11-25, transports, resumability).
  /// - Parameter session: where such a stream is asked for; nil: in none.
  func follow(
    _ first: HTTPBody, to id: RPCID, in session: HTTPSession?, until deadline: Moment, _ onMessage: (RPCMessage) -> Void
  ) async throws(HTTPRefusal) -> Answer {
    var place = StreamPlace()
    var body: HTTPBody? = first
    var silent = 0
    while true {
      place.opened()
      if let body, let answer = try await read(body, until: id, &place, onMessage) { return answer }
      silent = place.hasHeard ? 0 : silent + 1
      guard let session, place.lastEventID != nil, silent <= Self.maxSilentStreams else { throw .cutOff }
      try await pause(place.pause ?? .seconds(1), before: deadline)
      body = try await resume(place, in: session, until: deadline)
    }
  }

  private func pause(_ pause: Duration, before deadline: Moment) async throws(HTTPRefusal) {
    let end = time.now() + pause
    guard end < deadline else { throw .transport(HTTPClientError(.timedOut(.total), "its answer was not to come in time")) }
    do { try await time.sleep(until: end) } catch { throw .transport(HTTPClientError(.cancelled, "the request was cancelled")) }
  }

  /// Nil where it may succeed another time.
  private func resume(_ place: StreamPlace, in session: HTTPSession, until deadline: Moment) async throws(HTTPRefusal) -> HTTPBody? {
    do throws(HTTPRefusal) {
      return try await open(streamRequest(in: session, after: place, until: deadline)).body
    } catch {
      switch error {
      case .status(408, _, _), .status(429, _, _), .status(500..., _, _): return nil
      case .transport(let fault):
        switch fault.code {
        case .connectFailed, .timedOut(.connect), .closedEarly: return nil
        case .cancelled, .timedOut: throw error
        default: throw .cutOff
        }
      // Whatever it says, it says of the stream and not of the request, which it may have carried out.
      default: throw .cutOff
      }
    }
  }

  /// Reads until the answer or the end of the stream, which is nil.
  private func read(
    _ body: HTTPBody, until id: RPCID, _ place: inout StreamPlace, _ onMessage: (RPCMessage) -> Void
  ) async throws(HTTPRefusal) -> Answer? {
    var parser = ServerSentEventParser(maxEventBytes: maxMessageBytes)
    let iterator = body.makeAsyncIterator()
    while let piece = try await next(iterator, place) {
      let events: [ServerSentEvent]
      do { events = try parser.feed(piece) } catch { throw .invalid("\(error)") }
      place.retries(after: parser.retry)
      for event in events {
        place.passed(event)
        if !event.data.isEmpty, let answer = try answer(in: event, to: id, onMessage) { return answer }
      }
    }
    return nil
  }

  /// The next piece; nil at the end of the body, and where it broke in a place from which it can be taken up.
  private func next(_ iterator: HTTPBody.AsyncIterator, _ place: StreamPlace) async throws(HTTPRefusal) -> [UInt8]? {
    do throws(HTTPRefusal) {
      return try await next(iterator)
    } catch {
      if case .transport(let fault) = error, fault.code == .closedEarly, place.lastEventID != nil { return nil }
      throw error
    }
  }

  private func answer(in event: ServerSentEvent, to id: RPCID, _ onMessage: (RPCMessage) -> Void) throws(HTTPRefusal) -> Answer? {
    switch IncomingMessage(reading: event.data, maxBytes: maxMessageBytes, redactor: redactor) {
    case .message(.response(let answered, let result)) where answered == id: return .result(result)
    case .message(.failure(let answered, let error)) where answered == nil || answered == id: return .failure(error)
    case .message(let message): onMessage(message)
    case .malformed(let root, let error): if RPCMessage.id(of: root) == id { throw .invalid(error.message) }
    case .unreadable(_, let error): throw .invalid("an event of its answer is no JSON: \(error.message)")
    }
    return nil
  }
}
