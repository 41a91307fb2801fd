import WeirCore
import WeirJSON
import WeirMCP

/// The headers that repeat what a message says (MCP 2026-07-28 and 2025-11-25, transports, Streamable HTTP).
enum MessageHeaders {
  typealias Field = (name: String, value: String)

  /// Of a message that names its revision. `tools` are those whose arguments are repeated.
  static func modern(_ message: ClientMessage, version: String, tools: [Name: HeaderParameters]) -> [Field] {
    var headers: [Field] = [("mcp-protocol-version", version), ("mcp-method", message.method)]
    if let member = named(message.method), let name = message.params?[member]?.string { headers.append(("mcp-name", HeaderText.encode(name))) }
    if message.method == MCPMethod.toolsCall, let tool = message.params?["name"]?.string, let parameters = tools[Name(tool)] {
      headers += parameters.headers(of: message.params?["arguments"])
    }
    return headers
  }

  /// Of everything in a session, and of what comes before there is one.
  static func legacy(_ session: BridgeSession?) -> [Field] {
    guard let session else { return [] }
    var headers: [Field] = []
    // Older revisions know no such header.
    if ProtocolRevision(utf8: session.revision.utf8).map({ $0 >= .v2025_06_18 }) ?? true {
      headers.append(("mcp-protocol-version", session.revision))
    }
    if let id = session.id { headers.append(("mcp-session-id", id)) }
    return headers
  }

  /// The member of `params` that `Mcp-Name` repeats.
  private static func named(_ method: String) -> String? {
    switch method {
    case MCPMethod.toolsCall, MCPMethod.promptsGet: "name"
    case MCPMethod.resourcesRead: "uri"
    case MCPMethod.tasksGet, MCPMethod.tasksCancel, "tasks/update": "taskId"
    default: nil
    }
  }
}
