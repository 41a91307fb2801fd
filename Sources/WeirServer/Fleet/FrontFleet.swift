package import WeirCore
package import WeirHTTPClient
package import WeirPipeline

/// What a front needs of the other replicas, so that a session that one of them opened works at all of them (decision 22). A front without it
/// knows no sessions but its own.
package struct FrontFleet: Sendable {
  /// Where a replica is.
  package enum Whereabouts: Sendable, Equatable {
    /// `host:port`.
    case at(String)
    /// It has ended, or cannot be reached by others at all.
    case gone
    /// Who is in the fleet is not known now.
    case unknown
  }

  /// This run of this replica: 16 lower-case hexadecimal digits.
  package let replica: Name
  /// All replicas have the same secret.
  package let sealer: Sealer
  /// Brings requests to other replicas.
  package let client: HTTPClient
  /// Where a replica is now; looks again where it is not known, which takes no longer than a Redis command.
  package var locate: @Sendable (_ replica: Name) async -> Whereabouts
  /// Whether it was there when last looked. Must not block.
  package var isThere: @Sendable (_ replica: Name) -> Bool
  /// Tells every replica. Must not block.
  package var tell: @Sendable (FrontNews) -> Void

  package init(
    replica: Name, sealer: Sealer, client: HTTPClient, locate: @escaping @Sendable (Name) async -> Whereabouts,
    isThere: @escaping @Sendable (Name) -> Bool, tell: @escaping @Sendable (FrontNews) -> Void
  ) {
    self.replica = replica
    self.sealer = sealer
    self.client = client
    self.locate = locate
    self.isThere = isThere
    self.tell = tell
  }

  static let replicaDigits = 16

  /// Whether this could be the name of a replica.
  static func isReplica(_ text: some Collection<UInt8>) -> Bool {
    text.count == replicaDigits && text.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }
}
