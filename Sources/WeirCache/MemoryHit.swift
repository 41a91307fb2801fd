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
  /// How often it was asked for here since it was stored, this time included.
  package let uses: UInt32

  init(entry: CacheEntry<Payload>, lifespan: Lifespan, uses: UInt32 = 1, now: Moment) {
    self.entry = entry
    self.uses = uses
    self.age = max(.zero, now - lifespan.bornAt) + entry.agedBy
    self.remainingFreshness = max(.zero, lifespan.freshUntil - now)
    self.remainingLife = max(.zero, lifespan.staleUntil - now)
  }

  package var payload: Payload { entry.value }
  /// False where it may be served only while a fresh one is fetched, or because none can be had.
  package var isFresh: Bool { remainingFreshness > .zero }

  /// True where it is worth a request to renew it before it is stale: it is used so often that the share of its lifetime that is given up, a tenth,
  /// costs next to nothing for each use, and that tenth has begun.
  package var isDueEarly: Bool { uses >= 20 && isFresh && remainingFreshness <= earlyShare }
  /// The last part of a lifetime, in which it may be renewed early.
  package var earlyShare: Duration { max(.zero, entry.freshFor) / 10 }
}
