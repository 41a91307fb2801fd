import WeirCore
import WeirMCP

/// The client at the other end of an event stream: of one that carries the answer of its call, or of its session's own.
struct StreamPeer: ClientPeer {
  /// Takes an event for the stream; false where there is no room for it.
  let push: @Sendable ([UInt8]) -> Bool
  /// Of a legacy client, which alone can be asked; nil for modern ones.
  let session: Name?
  let questions: ClientQuestions
  /// Of the call that this is for; nil: of none.
  var scope: ClientQuestions.Scope?
  /// Takes a question in the place of `push`, where it must not be lost without a word.
  var pushQuestion: (@Sendable (RPCID, [UInt8]) -> Bool)?
  /// From which level on the client wants to hear the log; nil: what the server thinks fit.
  var logLevel: @Sendable () -> LogLevel? = { nil }
  /// Whether what is asked now would be read.
  var isThere: @Sendable () -> Bool = { true }
  /// Counts what found no room.
  let onDrop: @Sendable () -> Void

  func notify(_ method: String, _ params: [UInt8]?) {
    if method == MCPMethod.message, let level = logLevel(), !level.admits(params) { return }
    if !push(ServerSentEventWriter.event(data: RPCWriter.notification(method: method, params: params), event: "message")) { onDrop() }
  }

  func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8] {
    guard let session else { throw ClientRefusal(code: RPCErrorObject.methodNotFound, message: "this client cannot be asked anything") }
    let withdraw = { (id: RPCID) in
      let params = Array(#"{"requestId":\#(String(decoding: id.raw, as: UTF8.self)),"reason":"nobody wants the answer any more"}"#.utf8)
      notify(MCPMethod.cancelled, params)
    }
    let answer = await questions.ask(in: session, of: scope, withdraw: withdraw) { id in
      let event = ServerSentEventWriter.event(data: RPCWriter.request(id: id, method: method, params: params), event: "message")
      return isThere() && (pushQuestion?(id, event) ?? push(event))
    }
    return try answer.get()
  }
}
