package import WeirCore

/// An upstream behind a URL, spoken to by Streamable HTTP.
package struct HTTPUpstreamConfiguration: Sendable {
  /// The MCP endpoint, absolute, `http` or `https`.
  package var url: String
  /// Sent with every request, such as `Authorization`. The headers that the protocol owns are refused by `HTTPUpstream.init`.
  package var headers: [(name: String, value: Secret)] = []
  /// A longer answer, or event, fails its call.
  package var maxResponseBytes = 32 * 1024 * 1024
  /// For name resolution, TCP and TLS.
  package var connectTimeout: Duration = .seconds(10)

  package init(url: String) {
    self.url = url
  }
}
