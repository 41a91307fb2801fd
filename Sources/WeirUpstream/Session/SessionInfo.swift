package import WeirCore
package import WeirMCP

/// What the opening of a session has agreed on.
package struct SessionInfo: Sendable, Equatable {
  package var revision: ProtocolRevision
  /// The `instructions` of the server, as it sent them.
  package var instructions: String?
  /// The capabilities that the server declares.
  package var features: UpstreamFeatures
  package var era: ProtocolEra { revision.era }

  package init(revision: ProtocolRevision, instructions: String? = nil, features: UpstreamFeatures = .tools) {
    self.revision = revision
    self.instructions = instructions
    self.features = features
  }
}
