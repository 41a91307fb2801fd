/// What the shared store said.
package enum SharedRead: Sendable, Equatable {
  /// The bytes that were put, and for how long the store still keeps them, by its own clock.
  case found([UInt8], remaining: Duration)
  case missing
  /// It did not say: down, slow, or not asked because it was down or slow a moment ago.
  case unavailable
}

/// The second cache: one for all replicas. Implementations answer within their command timeout, whatever the network does, and never throw:
/// without the shared store Weir goes on.
package protocol SharedStore: Sendable {
  func get(_ key: CacheKey) async -> SharedRead
  /// Keeps the bytes for `ttl`, which is at least a millisecond. True where the store has confirmed it.
  func put(_ key: CacheKey, _ bytes: [UInt8], ttl: Duration) async -> Bool
  /// Forgets the key. True where the store has confirmed it, whether there was something or not.
  func remove(_ key: CacheKey) async -> Bool
  /// Learns what was purged elsewhere. Asked for where that has not been known for a while, in which case nothing from the store counts.
  /// - Returns: false where this process was too busy to ask or to hear, which says nothing of the store.
  func catchUp() async -> Bool
}

extension SharedStore {
  package func catchUp() async -> Bool { true }
}
