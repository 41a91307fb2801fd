/// What the second cache has for a key.
package enum SharedLookup<Payload: CachePayload>: Sendable {
  /// Fresh or stale; in the first cache too now.
  case hit(MemoryHit<Payload>)
  /// The store has none, or one that is not to be trusted.
  case missing
  /// Nobody knows: there is no shared store, or it did not answer.
  case unavailable

  package var hit: MemoryHit<Payload>? {
    if case .hit(let hit) = self { hit } else { nil }
  }
}
