/// The fields that let a web page of a configured origin call (Fetch standard, CORS protocol).
enum CORS {
  static func fields(_ origin: String) -> [(name: String, value: String)] {
    [
      ("access-control-allow-origin", origin),
      ("access-control-expose-headers", "Mcp-Session-Id, WWW-Authenticate"),
      ("vary", "Origin"),
    ]
  }

  /// - Parameter headers: those that the page wants to send; what tools want repeated in `Mcp-Param-…` is known to it alone.
  static func preflight(_ origin: String, headers: String?) -> Reply {
    let usual = "Authorization, X-API-Key, Content-Type, Accept, Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID"
    let wanted = (headers ?? "").split(separator: ",").map { ASCII.trimmed($0).lowercased() }
    let parameters = wanted.filter { $0.utf8.starts(with: "mcp-param-".utf8) && $0.utf8.count <= 128 && $0.utf8.allSatisfy(isNameByte) }.prefix(64)
    let allowed = ([usual] + parameters).joined(separator: ", ")
    let further = [
      (name: "access-control-allow-methods", value: "GET, POST, DELETE"),
      (name: "access-control-allow-headers", value: allowed),
      (name: "access-control-max-age", value: "600"),
    ]
    return Reply(204, headers: fields(origin) + further, label: "preflight")
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
  }
}
