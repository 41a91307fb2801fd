/// Names of members of `_meta`.
package enum MetaKey {
  /// The member of params and results that holds them.
  package static let meta = "_meta"
  /// Required in every request of 2026-07-28.
  package static let protocolVersion = "io.modelcontextprotocol/protocolVersion"
  /// Required in every request of 2026-07-28.
  package static let clientCapabilities = "io.modelcontextprotocol/clientCapabilities"
  package static let clientInfo = "io.modelcontextprotocol/clientInfo"
  /// In results of 2026-07-28: who answers on this connection.
  package static let serverInfo = "io.modelcontextprotocol/serverInfo"
  package static let logLevel = "io.modelcontextprotocol/logLevel"
  package static let subscriptionID = "io.modelcontextprotocol/subscriptionId"
  package static let progressToken = "progressToken"
  /// W3C Trace Context (MCP 2026-07-28, `_meta`).
  package static let traceParent = "traceparent"
  package static let traceState = "tracestate"
  /// How Weir came by the answer.
  package static let weirCache = "weir/cache"
  /// The task that a message is about (MCP 2025-11-25, tasks).
  package static let relatedTask = "io.modelcontextprotocol/related-task"
  /// The extension of that name (2026-07-28), in `extensions` of capabilities.
  package static let tasksExtension = "io.modelcontextprotocol/tasks"
}
