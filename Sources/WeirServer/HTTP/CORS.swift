/// The fields that let a web page of a configured origin call (Fetch standard, CORS protocol).
enum CORS {
  static func fields(_ origin: String) -> [(name: String, value: String)] {
    [
      ("access-control-allow-origin", origin),
      ("access-control-expose-headers", "Mcp-Session-Id, WWW-Authenticate"),
      ("vary", "Origin"),
    ]
  }

  static func preflight(_ origin: String) -> Reply {
    let allowed = "Authorization, X-API-Key, Content-Type, Accept, Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID"
    let further = [
      (name: "access-control-allow-methods", value: "GET, POST, DELETE"),
      (name: "access-control-allow-headers", value: allowed),
      (name: "access-control-max-age", value: "600"),
    ]
    return Reply(204, headers: fields(origin) + further, label: "preflight")
  }
}
