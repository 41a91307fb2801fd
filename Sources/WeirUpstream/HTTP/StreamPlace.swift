import WeirMCP

/// Where an event stream was left, for who wants to go on with it (MCP 2025-11-25, transports, resumability). Pure.
struct StreamPlace: Sendable {
  /// What is sent back in a header is no longer than this.
  private static let longestID = 4096

  /// Of the last whole event that had one: what `Last-Event-ID` says.
  private(set) var lastEventID: String?
  /// Whether an event has come since the stream was opened, be it only an id.
  private(set) var hasHeard = false
  private var retry: Duration?

  /// How long the server wants to be left alone; nil where it did not say. Not so short that it is asked without end, nor a call given up by it.
  var pause: Duration? { retry.map { min(max($0, .milliseconds(100)), .seconds(60)) } }

  /// The stream is open, for the first time or again.
  mutating func opened() { hasHeard = false }

  mutating func passed(_ event: ServerSentEvent) {
    hasHeard = true
    if let id = event.id { lastEventID = id.isEmpty || id.utf8.count > Self.longestID ? nil : id }
  }

  /// - Parameter milliseconds: as the stream has named it last.
  mutating func retries(after milliseconds: Int?) {
    if let milliseconds { retry = .milliseconds(milliseconds) }
  }

  /// The server does not know the id any more.
  mutating func forgetID() { lastEventID = nil }
}
