internal import WeirCore

/// An answer found in memory, or just read from the shared store. The payload is shared, not copied.
package struct MemoryHit<Payload: CachePayload>: Sendable {
  package let entry: CacheEntry<Payload>
  /// How long ago the answer was fetched, by this or by another replica.
  package let age: Duration
  /// For how long it is still fresh; zero where it is stale.
  package let remainingFreshness: Duration
  /// For how long it may still be served at all. Always above zero.
  package let remainingLife: Duration

  init(entry: CacheEntry<Payload>, lifespan: Lifespan, now: Moment) {
    self.entry = entry
    self.age = max(.zero, now - lifespan.bornAt) + entry.agedBy
    self.remainingFreshness = max(.zero, lifespan.freshUntil - now)
    self.remainingLife = max(.zero, lifespan.staleUntil - now)
  }

  package var payload: Payload { entry.value }
  /// False where it may be served only while a fresh one is fetched, or because none can be had.
  package var isFresh: Bool { remainingFreshness > .zero }
}
