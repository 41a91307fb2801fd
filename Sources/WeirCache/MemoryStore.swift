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
  package let purges: PurgeMarks
  private let shards: [NIOLockedValueBox<MemoryShard<Payload>>]
  private let mask: UInt64

  /// - Parameters:
  ///   - cores: the machine's cores, from which the number of shards follows.
  ///   - purges: what is purged.
  package init(limits: MemoryLimits = MemoryLimits(), cores: Int, purges: PurgeMarks = PurgeMarks()) {
    let count = limits.shardCount(cores: cores)
    let shard = limits.shard(of: count)
    self.limits = limits
    self.purges = purges
    self.shards = (0..<count).map { _ in NIOLockedValueBox(MemoryShard(limits: shard)) }
    self.mask = UInt64(count - 1)
  }

  package var shardCount: Int { shards.count }

  /// Whether a value of this size is ever kept.
  func admits(valueBytes: Int) -> Bool { S3FIFO.weight(ofValueBytes: valueBytes) <= limits.shard(of: shardCount).maxEntry }

  /// The entry, fresh or stale, and counts the use; nil where there is none, its whole lifetime is over, or one of these scopes was purged
  /// since its fetch began.
  package func get(_ key: CacheKey, of scopes: PurgeScopes, now: Moment) -> MemoryHit<Payload>? {
    shard(of: key).withLockedValue { shard in
      shard.get(key, now: now) { purges.covers($0, key, scopes) }
    }
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
    var entry = entry
    if let ticket { entry.stamp = ticket.stamp }
    return put(key, entry, lifespan: lifespan, owner: owner, since: ticket, now: now)
  }

  /// Keeps an answer with a lifetime that has begun elsewhere. A younger one in its place stays.
  @discardableResult
  package func put(
    _ key: CacheKey, _ entry: CacheEntry<Payload>, lifespan: Lifespan, owner: Name?, since ticket: PurgeTicket? = nil, now: Moment
  ) -> CacheRejection? {
    var lifespan = lifespan
    // A purge is remembered for no longer.
    lifespan.staleUntil = min(lifespan.staleUntil, now + PurgeMarks.horizon)
    lifespan.freshUntil = min(lifespan.freshUntil, lifespan.staleUntil)
    return shard(of: key).withLockedValue { [lifespan] shard in
      shard.put(key, entry, lifespan: lifespan, owner: owner, ticket: ticket, now: now) { stamp in
        ticket.map { purges.covers(stamp, key, $0.scopes) } ?? false
      }
    }
  }

  /// To be taken before a fetch for this key begins.
  /// - Parameter scopes: those of the call that the answer is for.
  package func ticket(for key: CacheKey, of scopes: PurgeScopes) -> PurgeTicket {
    let stamp = purges.stamp
    return PurgeTicket(removals: shard(of: key).withLockedValue { $0.removals }, stamp: stamp, scopes: scopes)
  }

  /// Whether nothing that concerns the key was removed or purged since.
  package func isCurrent(_ ticket: PurgeTicket, for key: CacheKey) -> Bool {
    ticket.removals == shard(of: key).withLockedValue { $0.removals } && !purges.covers(ticket.stamp, key, ticket.scopes)
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

  /// Removes entries whose lifetime is over or that were purged, a bounded number each second, until cancelled. Without it they wait until they are asked for
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
      sum + shard.withLockedValue { $0.sweep(now: now, looking: Self.sweepLooks, removing: Self.sweepRemovals, purges: purges) }
    }
  }

  private func shard(of key: CacheKey) -> NIOLockedValueBox<MemoryShard<Payload>> {
    shards[Int(key.fourth & mask)]
  }
}
