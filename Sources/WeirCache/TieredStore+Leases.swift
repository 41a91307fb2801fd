internal import NIOConcurrencyHelpers
package import WeirCore

/// The two caches for a flight that shares its work with those of other replicas.
extension TieredStore {
  /// Asks the shared store for the value or the lease of a key. What is no value, or none any more, is looked past.
  /// - Parameters:
  ///   - scopes: those of the call that asks.
  ///   - owner: the tenant whose call asks, for the quota of the memory store.
  package func look(_ key: CacheKey, of scopes: PurgeScopes, owner: Name?, _ question: LeaseQuestion) async -> LeasedLookup<Payload> {
    guard let leases else { return .unavailable }
    switch await purgeKnowledge() {
    case .current: break
    case .late: return .late
    case .outdated: return .unavailable
    }
    var question = question
    // Twice is enough: who puts wrong values there all the time has the flight go on alone.
    for _ in 0..<3 {
      let (asked, ticket) = (time.now(), memory.ticket(for: key, of: scopes))
      switch await leases.look(for: key, question) {
      case .value(let bytes, let remaining):
        if let entry = open(bytes, for: key, of: scopes) {
          let lifespan = Lifespan(asked: asked, remaining: remaining, freshFor: entry.freshFor, staleFor: entry.staleFor)
          let hit = admit(key, entry, lifespan: lifespan, owner: owner, since: ticket).hit
          if let hit, question.fresherThan.map({ hit.remainingFreshness > $0 }) ?? true { return .hit(hit) }
        }
        question.disbelieved = LeaseQuestion.tail(of: bytes)
      case .marker(let bytes, _):
        if let marker = marker(in: bytes, for: key) { return .marker(marker) }
        question.disbelieved = LeaseQuestion.tail(of: bytes)
      case .led:
        if question.disbelieved.isEmpty { counts.withLockedValue { $0.missing += 1 } }
        return .led
      case .followed(let remaining): return .followed(remaining: remaining)
      case .late:
        counts.withLockedValue { $0.unavailable += 1 }
        return .late
      case .unavailable:
        counts.withLockedValue { $0.unavailable += 1 }
        return .unavailable
      }
    }
    return .unavailable
  }

  /// Ends a flight's lease with its answer, and keeps that in memory, but where the store says that the lease was lost: then it may be older than
  /// a removal, and is kept nowhere. Where the store does not say, memory has it alone.
  /// - Parameters:
  ///   - owner: the tenant whose call fetched it, for the quota of the memory store.
  ///   - ticket: from `ticket(for:)` before the answer was asked for.
  ///   - patience: how long to wait for the store; what it has not heard by then is said behind the caller's back.
  package func commit(
    _ key: CacheKey, _ entry: CacheEntry<Payload>, owner: Name?, _ token: LeaseToken, since ticket: PurgeTicket, within patience: Duration
  ) async -> (receipt: LeaseReceipt, isKept: Bool) {
    guard let leases, isCurrent(ticket, for: key) else {
      leases?.endLater(key, token, as: .nothing)
      return (.refused, false)
    }
    guard memory.admits(valueBytes: entry.value.byteCount) else {
      mark(key, token, .unshared)
      return (.accepted, false)
    }
    let end = ending(key, entry, ticket)
    let receipt = await leases.end(key, token, as: end, within: patience)
    count(end, receipt)
    if receipt == .refused { return (receipt, false) }
    // The removal may have overtaken the write.
    if receipt == .accepted, !isCurrent(ticket, for: key) { await removeShared(key) }
    // It was paid for, and others wait for it.
    if receipt == .unavailable { leases.endLater(key, token, as: end) }
    return (receipt, memory.put(key, entry, owner: owner, since: ticket, now: time.now()) != .tooLarge)
  }

  /// Ends a flight's lease with word why there is no answer, behind the caller's back.
  /// - Parameter lifetime: for how long that is true; nil: as long as usual.
  package func mark(_ key: CacheKey, _ token: LeaseToken, _ marker: LeaseMarker?, lifetime: Duration? = nil) {
    leases?.endLater(key, token, as: marker.map { ending(key, $0, lifetime: lifetime) } ?? .nothing)
  }

  private func count(_ end: LeaseEnd, _ receipt: LeaseReceipt) {
    counts.withLockedValue { counts in
      switch (end, receipt) {
      case (.value, .accepted): counts.written += 1
      case (.value, .unavailable): counts.unwritten += 1
      default: break
      }
    }
  }

  private func ending(_ key: CacheKey, _ entry: CacheEntry<Payload>, _ ticket: PurgeTicket) -> LeaseEnd {
    let ttl = min((Moment.zero + max(.zero, entry.freshFor) + max(.zero, entry.staleFor)) - .zero, PurgeMarks.horizon)
    guard ttl >= .milliseconds(1) else { return ending(key, .unshared) }
    guard entry.value.byteCount <= maxSharedBytes else {
      counts.withLockedValue { $0.tooLarge += 1 }
      return ending(key, .unshared)
    }
    var written = entry.with(encode(entry.value))
    // As old as its oldest part, so that other replicas know its age: what remains of it is less than its lifetime then.
    written.freshFor = (Moment.zero + max(.zero, entry.freshFor) + max(.zero, entry.agedBy)) - .zero
    written.storedAt = entry.storedAt + (.zero - entry.agedBy)
    written.stamp = ticket.stamp
    return sealed(written, for: key).map { .value($0, ttl: ttl) } ?? .nothing
  }

  private func ending(_ key: CacheKey, _ marker: LeaseMarker, lifetime: Duration? = nil) -> LeaseEnd {
    sealed(marker.entry, for: key).map { .marker($0, ttl: lifetime ?? .seconds(60)) } ?? .nothing
  }

  private func marker(in bytes: [UInt8], for key: CacheKey) -> LeaseMarker? {
    (try? EntryEnvelope.decode(bytes, for: key, cipher: cipher)).flatMap { LeaseMarker($0.value) }
  }
}
