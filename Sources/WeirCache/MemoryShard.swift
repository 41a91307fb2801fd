internal import WeirCore

/// One shard of the memory store: the policy, and the values under the slots that it gave out.
struct MemoryShard<Payload: CachePayload> {
  private(set) var policy: S3FIFO
  private(set) var hits = 0
  private(set) var staleHits = 0
  private(set) var misses = 0
  /// How often something was removed on request: a fetch that began before the last time must not be stored.
  private(set) var removals: UInt64 = 0
  private var entries: [Kept?] = []
  /// Those of the entries, to be looked through without touching these.
  private var stamps: [PurgeStamp] = []
  /// How often each entry was asked for since it was stored.
  private var uses: [UInt32] = []

  private struct Kept {
    let entry: CacheEntry<Payload>
    /// Of the call that it was fetched for; nil: nobody can name it in a purge.
    let scopes: PurgeScopes?
  }

  init(limits: S3FIFOLimits) {
    policy = S3FIFO(limits: limits)
  }

  mutating func get(_ key: CacheKey, now: Moment, isPurged: (PurgeStamp) -> Bool) -> MemoryHit<Payload>? {
    guard let found = policy.find(key, now: now), let entry = entries[found.slot]?.entry, !isPurged(entry.stamp) else {
      misses += 1
      releaseFreed()
      return nil
    }
    if uses[found.slot] < .max { uses[found.slot] += 1 }
    let hit = MemoryHit(entry: entry, lifespan: found.lifespan, uses: uses[found.slot], now: now)
    if hit.isFresh { hits += 1 } else { staleHits += 1 }
    return hit
  }

  mutating func put(
    _ key: CacheKey, _ entry: CacheEntry<Payload>, lifespan: Lifespan, owner: Name?, ticket: PurgeTicket?, now: Moment,
    isPurged: (PurgeStamp) -> Bool
  ) -> CacheRejection? {
    if let ticket, ticket.removals != removals || isPurged(ticket.stamp) { return policy.refuse(.superseded) }
    if let resident = policy.lifespan(of: key), resident.bornAt > lifespan.bornAt, resident.isAlive(at: now), !isPurged(stamp(of: key)) {
      return policy.refuse(.superseded)
    }
    let weight = S3FIFO.weight(ofValueBytes: entry.value.byteCount)
    let admission = policy.insert(key, weight: weight, lifespan: lifespan, owner: owner, now: now)
    releaseFreed()
    switch admission {
    case .rejected(let reason): return reason
    case .stored(let slot):
      while entries.count <= slot {
        entries.append(nil)
        stamps.append(.unknown)
        uses.append(0)
      }
      entries[slot] = Kept(entry: entry, scopes: ticket?.scopes.ofAnswer)
      stamps[slot] = entry.stamp
      uses[slot] = 0
      return nil
    }
  }

  mutating func remove(_ key: CacheKey) -> Bool {
    removals += 1
    let removed = policy.remove(key)
    releaseFreed()
    return removed
  }

  mutating func removeAll() {
    removals += 1
    policy.removeAll()
    policy.freed.removeAll()
    entries.removeAll()
    stamps.removeAll()
    uses.removeAll()
  }

  mutating func sweep(now: Moment, looking: Int, removing: Int, purges: PurgeMarks) -> Int {
    let suspects = PurgeSuspects(stamps: stamps, purges: purges)
    let removed = policy.sweep(now: now, looking: looking, removing: removing, suspects: suspects) { [entries] key, slot in
      guard let kept = entries[slot], let scopes = kept.scopes else { return false }
      return purges.covers(kept.entry.stamp, key, scopes)
    }
    releaseFreed()
    return removed
  }

  private func stamp(of key: CacheKey) -> PurgeStamp {
    policy.slot(of: key).flatMap { entries[$0] }?.entry.stamp ?? .unknown
  }

  private mutating func releaseFreed() {
    guard !policy.freed.isEmpty else { return }
    for slot in policy.freed where slot < entries.count { entries[slot] = nil }
    policy.freed.removeAll(keepingCapacity: true)
  }
}
