extension FreshnessClass {
  /// What no provider's calendar decides. For days of a running bill, the shortest of all.
  var everywhere: Freshness {
    switch self {
    case .forecast, .open, .openSettled, .closing: Freshness(fresh: .hours(4), stale: .hours(20))
    case .closed: Freshness(fresh: .days(7), stale: .days(23))
    case .lists, .prices: Freshness(fresh: .hours(24), stale: .days(6))
    case .alerts: Freshness(fresh: .hours(1), stale: .hours(7))
    case .recommendations: Freshness(fresh: .hours(24), stale: .days(2))
    case .recalculated: Freshness(fresh: .minutes(15), stale: .zero)
    case .empty, .continued: Freshness(fresh: .minutes(15), stale: .minutes(15))
    }
  }
}
