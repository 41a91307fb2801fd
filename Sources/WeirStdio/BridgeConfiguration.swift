package import WeirCore

/// Where a bridge leads, and how patient it is.
package struct BridgeConfiguration: Sendable {
  /// The MCP endpoint, absolute, `http` or `https`.
  package var url: String
  /// Sent as `Authorization: Bearer`.
  package var token: Secret?
  /// A file of PEM certificates that are trusted instead of the system's.
  package var certificateAuthorityFile: String?
  /// Weir's own version, for `User-Agent`.
  package var version: String
  /// A longer line of standard input is skipped.
  package var maxLineBytes = 16 * 1024 * 1024
  /// A longer answer, or event, fails its request.
  package var maxMessageBytes = 32 * 1024 * 1024
  /// How long a server may say nothing to a request that is under way.
  package var maxSilence: Duration = .seconds(600)
  /// How long answers under way may take once standard input has ended.
  package var inputGrace: Duration = .seconds(30)
  /// How long they may take after a signal: clients that sent it kill after two seconds.
  package var stopGrace: Duration = .seconds(1)

  package init(url: String, version: String) {
    self.url = url
    self.version = version
  }
}
