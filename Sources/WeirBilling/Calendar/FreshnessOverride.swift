/// What an operator knows better of a class: `freshness: { open: 4h, prices: { ttl: 12h, stale: 3d } }`.
package struct FreshnessOverride: Sendable, Equatable {
  /// For how long it is fresh; nil: as the calendar says.
  package var fresh: Duration?
  /// For how long it is given as stale after that; nil: until it is as old as it could become by the calendar.
  package var stale: Duration?

  package init(fresh: Duration? = nil, stale: Duration? = nil) {
    self.fresh = fresh
    self.stale = stale
  }

  /// The calendar's freshness with what is overridden.
  func applied(to freshness: Freshness) -> Freshness {
    let fresh = fresh ?? freshness.fresh
    return Freshness(fresh: fresh, stale: stale ?? (self.fresh == nil ? freshness.stale : max(.zero, freshness.limit - fresh)))
  }
}
