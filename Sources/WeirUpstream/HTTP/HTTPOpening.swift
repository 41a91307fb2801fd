import WeirCore
import WeirMCP

/// How an attempt to open a session begins. Pure.
enum HTTPOpening: Sendable, Equatable {
  /// `server/discover`, which tells the eras apart.
  case discover
  /// `initialize` by POST.
  case initialize
  /// The event stream of HTTP+SSE, then `initialize` beside it.
  case stream

  /// How the server was spoken to last.
  struct Known: Sendable, Equatable {
    var era: ProtocolEra
    var usesStream: Bool
    /// When that is to be doubted: a server that learns something newer says so to nobody.
    var until: Moment
  }

  /// What the configuration leaves open is decided by what worked before, and asked where nothing did.
  static func first(
    _ era: UpstreamConfiguration.EraPolicy, _ transport: HTTPUpstreamConfiguration.TransportPolicy, known: Known?, now: Moment
  ) -> HTTPOpening {
    if era == .modern { return .discover }
    if transport == .sse { return .stream }
    if let known, known.era == .legacy, known.until > now { return known.usesStream && transport == .auto ? .stream : .initialize }
    return era == .legacy ? .initialize : .discover
  }
}

/// Why there is no session, and the server's own wish when to try again.
struct ConnectFailure: Error {
  /// One line, without URL and secrets.
  var reason: String
  var retryAfter: Duration?
  /// `initialize` was refused as a server of HTTP+SSE refuses it (MCP 2025-11-25, transports, backwards compatibility).
  var suggestsStream = false

  init(_ reason: String, retryAfter: Duration? = nil) {
    self.reason = reason
    self.retryAfter = retryAfter
  }

  init(_ refusal: HTTPRefusal) { self.init(refusal.reason, retryAfter: refusal.retryAfter) }

  /// Of `initialize`, sent by POST.
  init(initialize refusal: HTTPRefusal) {
    self.init(refusal)
    if let status = refusal.status, [400, 404, 405].contains(status) {
      reason += " to initialize"
      suggestsStream = true
    }
  }
}
