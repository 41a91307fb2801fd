package import NIOHTTP1

/// The header fields that the front looks at, taken out in one pass.
package struct RequestFields: Sendable, Equatable {
  package var host: String?
  package var origin: String?
  package var accept: String?
  package var contentType: String?
  package var contentEncoding: String?
  package var authorization: String?
  package var apiKey: String?
  package var protocolVersion: String?
  package var method: String?
  package var name: String?
  package var session: String?
  /// `Last-Event-ID`: of the last event that the client saw before it lost its connection.
  package var lastEventID: String?
  /// `Weir-Forwarded`: another replica brings the request.
  package var forwarded: String?
  /// `Access-Control-Request-Method`: set in a CORS preflight.
  package var corsMethod: String?
  /// `Access-Control-Request-Headers`.
  package var corsHeaders: String?
  /// `Mcp-Param-…`, names in lower case.
  package var parameters: [String: String] = [:]
  /// A field came twice that may come once: its name.
  package var duplicate: String?

  package init() {}

  package init(_ headers: HTTPHeaders) {
    for (name, line) in headers {
      let value = Self.trimmed(line)
      switch name.utf8.count {
      case 4 where ASCII.equalsFolded(name, "host"): host = value
      case 6 where ASCII.equalsFolded(name, "accept"): accept = accept.map { "\($0),\(value)" } ?? value
      case 6 where ASCII.equalsFolded(name, "origin"): Self.set(&origin, value, "Origin", &duplicate)
      case 8 where ASCII.equalsFolded(name, "mcp-name"): Self.set(&self.name, value, "Mcp-Name", &duplicate)
      case 9 where ASCII.equalsFolded(name, "x-api-key"): Self.set(&apiKey, value, "X-API-Key", &duplicate)
      case 10 where ASCII.equalsFolded(name, "mcp-method"): Self.set(&method, value, "Mcp-Method", &duplicate)
      case 12 where ASCII.equalsFolded(name, "content-type"): Self.set(&contentType, value, "Content-Type", &duplicate)
      case 13 where ASCII.equalsFolded(name, "authorization"): Self.set(&authorization, value, "Authorization", &duplicate)
      case 13 where ASCII.equalsFolded(name, "last-event-id"): Self.set(&lastEventID, value, "Last-Event-ID", &duplicate)
      case 14 where ASCII.equalsFolded(name, "mcp-session-id"): Self.set(&session, value, "Mcp-Session-Id", &duplicate)
      case 14 where ASCII.equalsFolded(name, ForwardStamp.field): Self.set(&forwarded, value, "Weir-Forwarded", &duplicate)
      case 16 where ASCII.equalsFolded(name, "content-encoding"): Self.set(&contentEncoding, value, "Content-Encoding", &duplicate)
      case 20 where ASCII.equalsFolded(name, "mcp-protocol-version"): Self.set(&protocolVersion, value, "MCP-Protocol-Version", &duplicate)
      case 29 where ASCII.equalsFolded(name, "access-control-request-method"):
        Self.set(&corsMethod, value, "Access-Control-Request-Method", &duplicate)
      case 30 where ASCII.equalsFolded(name, "access-control-request-headers"): corsHeaders = value
      case 11... where ASCII.equalsFolded(name.utf8.prefix(10), "mcp-param-".utf8):
        let name = name.lowercased()
        if parameters.updateValue(value, forKey: name) != nil { duplicate = name }
      default: break
      }
    }
  }

  /// Whitespace around a value is no part of it (RFC 9110, section 5.5); the parser leaves what stands behind.
  private static func trimmed(_ value: String) -> String {
    guard let first = value.utf8.first, let last = value.utf8.last, ASCII.isSpace(first) || ASCII.isSpace(last) else { return value }
    return String(ASCII.trimmed(value))
  }

  private static func set(_ field: inout String?, _ value: String, _ name: String, _ duplicate: inout String?) {
    if field != nil { duplicate = name }
    field = value
  }

  /// Both kinds of answer are always admitted; which one a client would rather have it says by naming it first.
  package var prefersEvents: Bool { accept.map { ASCII.trimmed($0).utf8.starts(with: "text/event-stream".utf8) } ?? false }

  /// True where the `Accept` field admits an answer of this type (RFC 9110, section 12.5.1); an absent field admits nothing here.
  package func accepts(json: Bool, events: Bool) -> Bool {
    guard let accept else { return false }
    if ASCII.list(accept, contains: "*/*") { return true }
    if json, !ASCII.list(accept, contains: "application/json"), !ASCII.list(accept, contains: "application/*") { return false }
    if events, !ASCII.list(accept, contains: "text/event-stream"), !ASCII.list(accept, contains: "text/*") { return false }
    return true
  }
}
