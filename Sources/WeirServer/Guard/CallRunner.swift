import NIOCore
import WeirMCP
import WeirPipeline

/// Waits for the calls of one connection whose answers are single messages, one after the other, on the connection's event loop. Event streams
/// and large bodies go through Hummingbird.
struct CallRunner: Sendable {
  /// Fired into the channel when the answer is there; the guard writes it.
  struct Answered: Sendable {
    let reply: Reply
  }

  /// A call with the fields that its answer's head gets.
  struct Job: Sendable {
    let call: WaitingCall
    let headers: [(name: String, value: String)]
  }

  let core: FrontCore
  let connection: Connection
  let channel: any Channel

  /// Returns when the connection takes no more calls and the last one is answered, and at once with Hummingbird's way of serving it when a
  /// request needs that.
  func run() async -> Connection.Requests? {
    while let item = await connection.items.next() {
      let job: Job
      switch item {
      case .call(let call): job = call
      case .serve(let requests): return requests
      }
      await Self.answer(job.call, on: connection, core: core) { [channel, headers = job.headers] reply in
        var reply = reply
        reply.headers += headers
        channel.pipeline.fireUserInboundEventTriggered(Answered(reply: reply))
      }
    }
    return nil
  }

  /// Waits for the answer of a call that this connection is to give, and gives it.
  static func answer<Given: Sendable>(
    _ call: WaitingCall, on connection: Connection, core: FrontCore, _ give: @escaping @Sendable (Reply) -> Given
  ) async -> Given {
    // Leaving is a cancellation in the modern era only (M5, L5).
    if call.era == .modern { connection.watch(call.departure) }
    connection.serve(call)
    let encoded: @Sendable (CallReply) -> Reply = { core.mcp.encoded($0, id: call.id, era: call.era, label: call.label) }
    let given = await call.reply(as: { give(encoded($0)) })
    connection.forgetDeparture()
    if let given { return given }
    return give(MCPEndpoint.drained(call).map(encoded) ?? core.mcp.cancelled(id: call.id))
  }
}
