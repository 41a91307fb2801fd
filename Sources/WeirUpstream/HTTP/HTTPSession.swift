import WeirMCP

/// What requests to an HTTP upstream have in common once it is known how to speak to it.
struct HTTPSession: Sendable, Equatable {
  /// Counts the sessions with this upstream: who lost one can tell whether there is a new one.
  var generation = 0
  var info: SessionInfo
  /// `Mcp-Session-Id`, where a legacy server has given one.
  var id: String?
}
