import WeirJSON

/// What the requests of a handshake have in common.
struct BridgeSession: Sendable, Equatable {
  /// What `initialize` was answered with.
  let revision: String
  /// `Mcp-Session-Id`, where the server has given one.
  let id: String?

  /// Nil where the answer names no revision, or the id is not visible ASCII: it becomes a header of every request.
  init?(_ result: JSONValue, id: String?) {
    guard let revision = result["protocolVersion"]?.string, Self.isVisible(revision, limit: 64) else { return nil }
    if let id, !Self.isVisible(id, limit: 4096) { return nil }
    self.revision = revision
    self.id = id
  }

  private static func isVisible(_ text: String, limit: Int) -> Bool {
    !text.isEmpty && text.utf8.count <= limit && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }
}
