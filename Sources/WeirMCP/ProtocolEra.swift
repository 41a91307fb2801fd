/// The two shapes of the protocol: a handshake with a session, or every request on its own.
package enum ProtocolEra: Sendable, Hashable, CaseIterable {
  /// Up to 2025-11-25: `initialize` opens.
  case legacy
  /// From 2026-07-28: stateless, the revision stands in every request's `_meta`.
  case modern
}
