/// The state of the memory store, summed over its shards. Counts since the start.
package struct MemoryStats: Sendable, Equatable {
  package var entries = 0
  /// The weights of all entries.
  package var bytes = 0
  /// Fresh answers given.
  package var hits = 0
  /// Stale answers given.
  package var staleHits = 0
  package var misses = 0
  package var evicted = ReasonCounts<CacheEviction>()
  package var rejected = ReasonCounts<CacheRejection>()

  package init() {}

  mutating func add(_ shard: borrowing MemoryShard<some CachePayload>) {
    entries += shard.policy.count
    bytes += shard.policy.bytes
    hits += shard.hits
    staleHits += shard.staleHits
    misses += shard.misses
    evicted.add(shard.policy.tally.evicted)
    rejected.add(shard.policy.tally.rejected)
  }
}
