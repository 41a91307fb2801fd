import WeirMCP

/// What requests to an HTTP upstream have in common once it is known how to speak to it.
struct HTTPSession: Sendable {
  /// Counts the sessions with this upstream: who lost one can tell whether there is a new one.
  var generation = 0
  var info: SessionInfo
  /// `Mcp-Session-Id`, where a legacy server has given one.
  var id: String?
  /// The stream on which all answers come, where the server speaks HTTP+SSE.
  var channel: EventChannel?

  init(info: SessionInfo, id: String? = nil) {
    self.info = info
    self.id = id
  }

  /// For what is said on a stream before its session is open.
  init(unopened channel: EventChannel) {
    info = SessionInfo(revision: .v2024_11_05)
    self.channel = channel
  }

  /// Whether the server keeps something for it, and can forget it.
  var isKept: Bool { id != nil || channel != nil }
}
