package import WeirCore

/// An answer as it is kept: the value, for how long it is true, and what it cost to get.
package struct CacheEntry<Value: Sendable>: Sendable {
  /// A normalised tool result: its bytes, or the object made of them.
  package var value: Value
  /// When it was fetched, for people. Freshness is never computed from it: replicas' clocks differ.
  package var storedAt: WallTime
  /// For how long after `storedAt` it may be served as fresh.
  package var freshFor: Duration
  /// For how long after that it may be served as stale.
  package var staleFor: Duration
  /// What the fetch cost; what every hit saves.
  package var cost: MicroUSD
  /// The billed requests the fetch took; what every hit saves.
  package var upstreamRequests: Int
  /// How old its oldest part was when it was stored: an answer that was put together is as old as that. Kept in memory only.
  package var agedBy: Duration = .zero
  /// When its fetch began, for purges.
  package var stamp = PurgeStamp.unknown

  package init(value: Value, storedAt: WallTime, freshFor: Duration, staleFor: Duration = .zero, cost: MicroUSD = .zero, upstreamRequests: Int = 1) {
    self.value = value
    self.storedAt = storedAt
    self.freshFor = freshFor
    self.staleFor = staleFor
    self.cost = cost
    self.upstreamRequests = upstreamRequests
  }

  /// The same entry around another form of its value.
  package func with<Other: Sendable>(_ other: Other) -> CacheEntry<Other> {
    var entry = CacheEntry<Other>(
      value: other, storedAt: storedAt, freshFor: freshFor, staleFor: staleFor, cost: cost, upstreamRequests: upstreamRequests)
    entry.agedBy = agedBy
    entry.stamp = stamp
    return entry
  }
}

extension CacheEntry: Equatable where Value: Equatable {}
