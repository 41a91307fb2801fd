package import WeirMCP

/// What the opening of a session has agreed on.
package struct SessionInfo: Sendable, Equatable {
  package var revision: ProtocolRevision
  /// The `instructions` of the server, as it sent them.
  package var instructions: String?
  /// Whether the server declares the capability `tools`.
  package var hasTools: Bool
  package var era: ProtocolEra { revision.era }

  package init(revision: ProtocolRevision, instructions: String? = nil, hasTools: Bool = true) {
    self.revision = revision
    self.instructions = instructions
    self.hasTools = hasTools
  }
}
