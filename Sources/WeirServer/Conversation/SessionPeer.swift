import WeirCore
import WeirMCP

/// The client of a session, reached by the event stream that it has open (`GET`), if it has one.
struct SessionPeer: ClientPeer {
  let session: Name
  let sessions: Sessions

  func notify(_ method: String, _ params: [UInt8]?) {
    _ = sessions.stream(of: session)?.mailbox.push(
      ServerSentEventWriter.event(data: RPCWriter.notification(method: method, params: params), event: "message"))
  }

  func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8] {
    let answer = await sessions.questions.ask(in: session) { id in
      let event = ServerSentEventWriter.event(data: RPCWriter.request(id: id, method: method, params: params), event: "message")
      return sessions.stream(of: session)?.mailbox.push(event) ?? false
    }
    return try answer.get()
  }
}
