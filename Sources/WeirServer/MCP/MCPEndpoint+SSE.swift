import WeirCore
import WeirJSON
import WeirMCP
import WeirPipeline
import WeirTenancy

/// HTTP+SSE (MCP 2024-11-05, transports): a session is one event stream; what the client has to say is posted beside it, and only accepted
/// there. Every answer comes on the stream.
extension MCPEndpoint {
  private static let sessionField = "session_id="
  /// Calls under way and answers that wait for their reader, in one session.
  private static let mostOpen = 64
  /// Bytes that wait in one session for their reader, above which nothing more is taken.
  private static let mostWaitingBytes = 1024 * 1024

  /// Opens a session with its stream, whose first event says where to post.
  func openEvents(_ exchange: Exchange) -> Answer {
    let principal = exchange.caller.principal
    let session: Name
    do throws(SessionTable.Full) {
      session = try sessions.open(principal: principal, endpoint: exchange.place, revision: .v2024_11_05, capabilities: nil, now: time.now())
    } catch {
      return .reply(self.error(503, nil, RPCErrorObject.internalError, Self.tooManySessions))
    }
    let end: @Sendable () -> Void = { [sessions, time] in
      _ = sessions.close(session, principal: principal, endpoint: exchange.place, now: time.now())
    }
    let address = "\(exchange.request.path)?\(Self.sessionField)\(session)"
    let stream = NotificationStream(
      session: session, principal: principal, mailbox: StreamMailbox(limit: configuration.limits.maxStreamBufferBytes),
      opening: ServerSentEventWriter.event(data: Array(address.utf8), event: "endpoint"), mayEnd: false,
      isConcerned: concern(of: exchange)
    ) { [sessions, time] in
      sessions.close($0, now: time.now())
      end()
    }
    do throws(Sessions.StreamRefusal) {
      try sessions.open(stream)
      return .stream(stream)
    } catch {
      end()
      return .reply(self.error(503, nil, RPCErrorObject.internalError, "too many streams are open; close some"))
    }
  }

  /// Takes one message of a session.
  func postMessage(_ exchange: Exchange) -> Answer {
    let root: JSONValue
    let session: OpenSession
    let message: RPCMessage
    do throws(Refused) {
      session = try findSession(id(in: exchange.request.query), exchange).get()
      if let answer = handed(exchange, to: session.facts.owner) { return answer }
      root = try body(of: exchange)
    } catch {
      return .reply(error.reply)
    }
    guard let stream = sessions.view(of: session.id) else { return .reply(error(404, nil, RPCErrorObject.invalidRequest, "the stream is closed")) }
    let waiting = stream.mailbox.waiting
    guard sessions.callCount(in: session.id) + waiting.parts < Self.mostOpen, waiting.bytes < Self.mostWaitingBytes else {
      return .reply(error(503, RPCMessage.id(of: root), RPCErrorObject.internalError, "too many answers wait for you; read the stream first"))
    }
    do throws(RPCErrorObject) { message = try RPCMessage.parse(root) } catch { return .reply(reply(400, RPCMessage.id(of: root), error)) }
    let answer = self.answer(message, in: session, exchange)
    switch answer.kind {
    case .waiting(let call): return Answer(kind: .elsewhere(call, stream))
    case .reply(let reply):
      guard reply.body.count > 0 else { return .reply(Reply(202, label: reply.label)) }
      guard let body = counted(reply.body) else { return .reply(error(503, nil, RPCErrorObject.internalError, "too many large answers wait")) }
      stream.mailbox.answer(body.event)
      return .reply(Reply(202, label: reply.label))
    case .stream, .elsewhere, .resumed, .batch, .action, .forwarded: return answer
    }
  }

  /// A large answer that waits for its reader is counted with those of all others; nil where there is no room.
  private func counted(_ body: ReplyBody) -> ReplyBody? {
    guard case .whole(let bytes) = body, bytes.count >= configuration.limits.minSharedAnswerBytes else { return body }
    return table.lease(bytes, now: time.now()).map { .shared(SharedAnswer([bytes[...]], lease: $0)) }
  }

  private func answer(_ message: RPCMessage, in session: OpenSession, _ exchange: Exchange) -> Answer {
    guard case .request(let id, let method, let params) = message, ASCII.equals(method, MCPMethod.initialize) else {
      return legacy(message, in: session, exchange)
    }
    do throws(RPCErrorObject) {
      let opening = try self.opening(params, exchange)
      sessions.set(opening.revision, opening.capabilities, in: session.id)
      return .reply(result(id, opening.result, label: "initialize"))
    } catch {
      return .reply(reply(400, id, error))
    }
  }

  /// The session that the query names; an empty name where it names none.
  private func id(in query: Substring) -> Name {
    let field = query.utf8.split(separator: UInt8(ascii: "&")).first { $0.starts(with: Self.sessionField.utf8) }
    return Name(field.map { String(Substring($0.dropFirst(Self.sessionField.utf8.count))) } ?? "")
  }
}
