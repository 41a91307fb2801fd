import WeirCore
import WeirMCP

/// A request that another replica has to answer, since what it is about lives there.
struct Forward: Sendable {
  /// What is answered where that replica has ended.
  enum Absence: Sendable {
    /// The session is over: its client opens another (MCP 2025-11-25, Streamable HTTP, session management).
    case noSession
    /// The message is taken, and matters to nobody any more.
    case accepted
    /// The events that were asked for are not kept any more.
    case noEvents
    /// The session is over, as was wanted.
    case ended
    /// Nobody waits for this client to come back.
    case noState
  }

  let replica: Name
  let request: ReceivedRequest
  let principal: Name
  let absence: Absence
  /// Of the message; nil where it has none.
  var id: RPCID?
  /// It is one message of a batch, to be answered with one.
  var isElement = false
}
