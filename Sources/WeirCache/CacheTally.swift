/// Why an entry left the memory store.
package enum CacheEviction: String, Sendable, CaseIterable {
  /// Others needed its bytes.
  case size
  /// Its time was over.
  case ttl
  /// Its owner holds more than a fair share, and others needed the bytes.
  case quota
  /// It was removed on request.
  case purge
}

/// Why an entry was not admitted to the memory store.
package enum CacheRejection: String, Sendable, CaseIterable {
  /// Larger than an entry may be.
  case tooLarge = "too_large"
  /// Its owner holds a fair share already, others need the rest, and the key was not asked for before.
  case quota
  /// Its time was over when it came.
  case expired
  /// A younger entry is there, or the key was removed since this one's fetch began.
  case superseded
}

/// One number for every case of a closed list of reasons.
package struct ReasonCounts<Reason: CaseIterable & RawRepresentable & Hashable & Sendable>: Sendable, Equatable where Reason.RawValue == String {
  private var counts: [Reason: Int] = [:]

  package init() {}

  package subscript(_ reason: Reason) -> Int {
    get { counts[reason, default: 0] }
    set { counts[reason] = newValue }
  }

  package var total: Int { counts.values.reduce(0, +) }

  mutating func add(_ other: Self) {
    for (reason, count) in other.counts { self[reason] += count }
  }
}

/// What has happened in a shard, or in all of them, since the start.
package struct CacheTally: Sendable, Equatable {
  package var evicted = ReasonCounts<CacheEviction>()
  package var rejected = ReasonCounts<CacheRejection>()

  package init() {}

  mutating func add(_ other: CacheTally) {
    evicted.add(other.evicted)
    rejected.add(other.rejected)
  }
}
