package import WeirCore
internal import WeirHTTPClient

/// An upstream behind a URL, spoken to by Streamable HTTP or by HTTP+SSE.
package struct HTTPUpstreamConfiguration: Sendable {
  /// How messages are carried (MCP 2025-11-25, transports, backwards compatibility).
  package enum TransportPolicy: String, Sendable, CaseIterable {
    /// Streamable HTTP; HTTP+SSE where that is refused as a server of 2024-11-05 would. What worked is remembered.
    case auto
    case streamable = "streamable-http"
    /// The event stream of 2024-11-05 at `url`.
    case sse
  }

  /// The MCP endpoint, absolute, `http` or `https`.
  package var url: String
  package var transport: TransportPolicy = .auto
  /// Sent with every request, such as `Authorization`. See `faults` for what may not stand here.
  package var headers: [(name: String, value: Secret)] = []
  /// A longer answer, or event, fails its call.
  package var maxResponseBytes = 32 * 1024 * 1024
  /// For name resolution, TCP and TLS.
  package var connectTimeout: Duration = .seconds(10)
  /// The stream of HTTP+SSE is asked whether it still lives when nothing has come on it for so long, comments counted. Below 10 minutes.
  package var maxSilence: Duration = .seconds(300)

  /// Knows the secrets that the server is sent.
  package var redactor: Redactor { Redactor(headers: headers, url: url) }

  package init(url: String) {
    self.url = url
  }
}

extension HTTPUpstreamConfiguration {
  private static let reserved = [
    "accept", "connection", "content-length", "content-type", "host", "last-event-id", "mcp-method", "mcp-name", "mcp-protocol-version",
    "mcp-session-id", "transfer-encoding",
  ]

  /// Whether the protocol, and not the configuration, decides about a header of this name.
  package static func isReserved(_ name: String) -> Bool {
    let name = name.lowercased()
    return reserved.contains(name) || name.hasPrefix("mcp-param-")
  }

  /// One line for each thing that cannot stand in a configuration; reserved headers are not sent, and the rest would fail every request.
  package var faults: [String] {
    var faults = headers.filter { Self.isReserved($0.name) }.map { "the header \($0.name) is set by the protocol; leave it out" }
    do throws(HTTPClientError) {
      try HTTPRequest(method: "POST", url: url, headers: headers.map { ($0.name, $0.value.reveal) }).validate()
    } catch {
      faults.append(error.message)
    }
    return faults
  }
}
