internal import NIOConcurrencyHelpers
package import WeirCore

/// The two caches as one: memory first, then the store that all replicas share. Nothing here fails a call: what cannot be read is a miss,
/// what cannot be written is counted.
package final class TieredStore<Payload: CachePayload>: Sendable {
  package let memory: MemoryStore<Payload>
  private let shared: (any SharedStore)?
  /// Where replicas share their flights; nil where each has its own.
  package let leases: (any LeaseStore)?
  let time: any TimeSource
  let encode: @Sendable (Payload) -> [UInt8]
  private let decode: @Sendable ([UInt8]) -> Payload?
  let counts = NIOLockedValueBox(SharedTally())
  let maxSharedBytes: Int
  let cipher: EnvelopeCipher?

  /// - Parameters:
  ///   - shared: nil where memory is all there is.
  ///   - leases: nil where replicas do not share their flights.
  ///   - maxSharedBytes: a larger payload is not written to the shared store, where it would hold up every command behind it.
  ///   - cipher: encrypts what goes to the shared store; nil: it stays readable there.
  ///   - encode: the bytes of a payload, for the shared store.
  ///   - decode: the payload of bytes that `encode` made, perhaps in another version; nil where it cannot be read.
  package init(
    memory: MemoryStore<Payload>, shared: (any SharedStore)?, leases: (any LeaseStore)? = nil, maxSharedBytes: Int = 1 << 20,
    cipher: EnvelopeCipher? = nil,
    time: any TimeSource,
    encode: @escaping @Sendable (Payload) -> [UInt8],
    decode: @escaping @Sendable ([UInt8]) -> Payload?
  ) {
    self.memory = memory
    self.shared = shared
    self.leases = leases
    self.maxSharedBytes = maxSharedBytes
    self.cipher = cipher
    self.time = time
    self.encode = encode
    self.decode = decode
  }

  /// What is purged.
  package var purges: PurgeMarks { memory.purges }
  package var now: Moment { time.now() }
  package var hasSharedStore: Bool { shared != nil }
  package var tally: SharedTally { counts.withLockedValue { $0 } }

  /// Looks in memory only.
  /// - Parameter scopes: those of the call that asks: what was purged of them is not found.
  package func peek(_ key: CacheKey, of scopes: PurgeScopes, now: Moment) -> MemoryHit<Payload>? {
    memory.get(key, of: scopes, now: now)
  }

  /// Asks the shared store, and keeps what it has in memory too, for as long as the store would.
  /// - Parameters:
  ///   - scopes: those of the call that asks.
  ///   - owner: the tenant whose call asks, for the quota of the memory store.
  package func fetch(_ key: CacheKey, of scopes: PurgeScopes, owner: Name?) async -> SharedLookup<Payload> {
    guard let shared, await purgeKnowledge() == .current else { return .unavailable }
    let asked = time.now()
    let ticket = memory.ticket(for: key, of: scopes)
    switch await shared.get(key) {
    case .unavailable:
      counts.withLockedValue { $0.unavailable += 1 }
      return .unavailable
    case .missing:
      counts.withLockedValue { $0.missing += 1 }
      return .missing
    case .found(let bytes, let remaining):
      guard let entry = open(bytes, for: key, of: scopes) else { return .missing }
      let lifespan = Lifespan(asked: asked, remaining: remaining, freshFor: entry.freshFor, staleFor: entry.staleFor)
      return admit(key, entry, lifespan: lifespan, owner: owner, since: ticket)
    }
  }

  /// Whether what the shared store has can be told from what was purged; counted where it cannot.
  func purgeKnowledge() async -> PurgeKnowledge {
    let isPunctual = if purges.isCurrent(at: time.now()) { true } else { await shared?.catchUp() ?? true }
    if purges.isCurrent(at: time.now()) { return .current }
    counts.withLockedValue { $0.unavailable += 1 }
    return isPunctual ? .outdated : .late
  }

  /// Keeps an answer in memory and then in the shared store. Returns when the shared store has it or has failed to take it.
  /// - Parameters:
  ///   - owner: the tenant whose call fetched it, for the quota of the memory store.
  ///   - ticket: from `ticket(for:)` before the fetch; an answer older than a removal is kept nowhere.
  package func store(_ key: CacheKey, _ entry: CacheEntry<Payload>, owner: Name?, since ticket: PurgeTicket? = nil) async {
    memory.put(key, entry, owner: owner, since: ticket, now: time.now())
    await share(key, entry, since: ticket)
  }

  /// Keeps an answer in the shared store alone: the second half of `store`, for whoever doesn't wait for it.
  /// - Parameter delay: the part of its life that is over.
  package func share(_ key: CacheKey, _ entry: CacheEntry<Payload>, since ticket: PurgeTicket? = nil, after delay: Duration = .zero) async {
    let ttl = min((Moment.zero + max(.zero, entry.freshFor) + max(.zero, entry.staleFor)) - .zero, PurgeMarks.horizon) - max(.zero, delay)
    guard let shared, ttl >= .milliseconds(1), isCurrent(ticket, for: key) else { return }
    guard entry.value.byteCount <= maxSharedBytes else {
      counts.withLockedValue { $0.tooLarge += 1 }
      return
    }
    var entry = entry
    if let ticket { entry.stamp = ticket.stamp }
    let written = if let bytes = sealed(entry.with(encode(entry.value)), for: key) { await shared.put(key, bytes, ttl: ttl) } else { false }
    counts.withLockedValue { if written { $0.written += 1 } else { $0.unwritten += 1 } }
    // The removal may have overtaken the write.
    if !isCurrent(ticket, for: key) { await removeShared(key) }
  }

  /// To be taken before a fetch for this key begins.
  /// - Parameter scopes: those of the call that it is for.
  package func ticket(for key: CacheKey, of scopes: PurgeScopes) -> PurgeTicket { memory.ticket(for: key, of: scopes) }

  /// Forgets a key in both caches. True where the shared store confirmed it, or there is none.
  @discardableResult
  package func remove(_ key: CacheKey) async -> Bool {
    memory.remove(key)
    return await removeShared(key)
  }

  @discardableResult
  func removeShared(_ key: CacheKey) async -> Bool {
    guard let shared else { return true }
    let removed = await shared.remove(key)
    counts.withLockedValue { if removed { $0.removed += 1 } else { $0.unremoved += 1 } }
    return removed
  }

  func isCurrent(_ ticket: PurgeTicket?, for key: CacheKey) -> Bool {
    ticket.map { memory.isCurrent($0, for: key) } ?? true
  }

  func admit(
    _ key: CacheKey, _ entry: CacheEntry<Payload>, lifespan: Lifespan, owner: Name?, since ticket: PurgeTicket
  ) -> SharedLookup<Payload> {
    let now = time.now()
    guard lifespan.isAlive(at: now), isCurrent(ticket, for: key) else {
      counts.withLockedValue { $0.missing += 1 }
      return .missing
    }
    memory.put(key, entry, lifespan: lifespan, owner: owner, since: ticket, now: now)
    counts.withLockedValue { $0.found += 1 }
    return .hit(MemoryHit(entry: entry, lifespan: lifespan, now: now))
  }

  func sealed(_ entry: CacheEntry<[UInt8]>, for key: CacheKey) -> [UInt8]? {
    guard let cipher else { return EntryEnvelope.encode(entry, for: key) }
    return EntryEnvelope.encode(entry, for: key, with: cipher)
  }

  /// The entry in these bytes; nil, and counted, where there is none for this key, or one whose scopes were purged since its fetch began.
  func open(_ bytes: [UInt8], for key: CacheKey, of scopes: PurgeScopes) -> CacheEntry<Payload>? {
    do {
      let entry = try EntryEnvelope.decode(bytes, for: key, cipher: cipher)
      guard !purges.covers(entry.stamp, key, scopes) else {
        counts.withLockedValue { counts in
          counts.purged += 1
          counts.missing += 1
        }
        return nil
      }
      guard let payload = decode(entry.value) else {
        counts.withLockedValue { counts in
          counts.undecodable += 1
          counts.missing += 1
        }
        return nil
      }
      return entry.with(payload)
    } catch {
      counts.withLockedValue { counts in
        counts.failures[error] += 1
        counts.missing += 1
      }
      return nil
    }
  }
}
