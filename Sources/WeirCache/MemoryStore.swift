internal import NIOConcurrencyHelpers
package import WeirCore

/// The first cache: this process's memory, in shards chosen by the key's digest, each under its own lock. Every look-up is synchronous and
/// short; values are shared, never copied.
package final class MemoryStore<Payload: CachePayload>: Sendable {
  /// How often `run` looks for dead entries, and the bounds of its work on each shard.
  private static var sweepInterval: Duration { .seconds(1) }
  private static var sweepLooks: Int { 4096 }
  private static var sweepRemovals: Int { 256 }

  package let limits: MemoryLimits
  private let shards: [NIOLockedValueBox<MemoryShard<Payload>>]
  private let mask: UInt64

  /// - Parameter cores: the machine's cores, from which the number of shards follows.
  package init(limits: MemoryLimits = MemoryLimits(), cores: Int) {
    let count = limits.shardCount(cores: cores)
    let shard = limits.shard(of: count)
    self.limits = limits
    self.shards = (0..<count).map { _ in NIOLockedValueBox(MemoryShard(limits: shard)) }
    self.mask = UInt64(count - 1)
  }

  package var shardCount: Int { shards.count }

  /// Whether a value of this size is ever kept.
  func admits(valueBytes: Int) -> Bool { S3FIFO.weight(ofValueBytes: valueBytes) <= limits.shard(of: shardCount).maxEntry }

  /// The entry, fresh or stale, and counts the use; nil where there is none or its whole lifetime is over.
  package func get(_ key: CacheKey, now: Moment) -> MemoryHit<Payload>? {
    shard(of: key).withLockedValue { $0.get(key, now: now) }
  }

  /// Keeps an answer that has just been fetched, for its `freshFor` and `staleFor` from `now` on.
  /// - Parameters:
  ///   - owner: the tenant whose call fetched it and whose quota it counts against; nil where none applies.
  ///   - ticket: taken before the fetch, so that an answer older than a removal is not kept.
  /// - Returns: nil when it is kept, or why it is not.
  @discardableResult
  package func put(
    _ key: CacheKey, _ entry: CacheEntry<Payload>, owner: Name?, since ticket: PurgeTicket? = nil, now: Moment
  ) -> CacheRejection? {
    let lifespan = Lifespan(from: now, freshFor: entry.freshFor, staleFor: entry.staleFor)
    return put(key, entry, lifespan: lifespan, owner: owner, since: ticket, now: now)
  }

  /// Keeps an answer with a lifetime that has begun elsewhere. A younger one in its place stays.
  @discardableResult
  package func put(
    _ key: CacheKey, _ entry: CacheEntry<Payload>, lifespan: Lifespan, owner: Name?, since ticket: PurgeTicket? = nil, now: Moment
  ) -> CacheRejection? {
    shard(of: key).withLockedValue { $0.put(key, entry, lifespan: lifespan, owner: owner, ticket: ticket, now: now) }
  }

  /// To be taken before a fetch for this key begins.
  package func ticket(for key: CacheKey) -> PurgeTicket {
    PurgeTicket(purges: shard(of: key).withLockedValue { $0.purges })
  }

  /// Forgets a key, and makes answers whose fetch is under way unwelcome. True where there was an entry.
  @discardableResult
  package func remove(_ key: CacheKey) -> Bool {
    shard(of: key).withLockedValue { $0.remove(key) }
  }

  /// Forgets everything, and makes answers whose fetch is under way unwelcome.
  package func removeAll() {
    for shard in shards { shard.withLockedValue { $0.removeAll() } }
  }

  package var stats: MemoryStats {
    var stats = MemoryStats()
    for shard in shards { shard.withLockedValue { stats.add($0) } }
    return stats
  }

  /// Removes entries whose lifetime is over, a bounded number each second, until cancelled. Without it they wait until they are asked for
  /// or pushed out.
  package func run(time: any TimeSource) async {
    while !Task.isCancelled {
      do { try await time.sleep(until: time.now() + Self.sweepInterval) } catch { return }
      sweep(now: time.now())
    }
  }

  /// One round of `run`. Gives how many entries it removed.
  @discardableResult
  package func sweep(now: Moment) -> Int {
    shards.reduce(0) { sum, shard in
      sum + shard.withLockedValue { $0.sweep(now: now, looking: Self.sweepLooks, removing: Self.sweepRemovals) }
    }
  }

  private func shard(of key: CacheKey) -> NIOLockedValueBox<MemoryShard<Payload>> {
    shards[Int(key.fourth & mask)]
  }
}
