/// Cost Explorer is updated up to three times a day, and a month's invoice is final by about the 7th of the next month. Later credits or tag
/// backfills may still rewrite it, which is why a closed month is read again within 30 days.
package struct AWSBillingCalendar: BillingCalendar {
  package let closeDay = 10

  package init() {}

  package func freshness(of kind: FreshnessClass) -> Freshness {
    switch kind {
    case .forecast, .open: Freshness(fresh: .hours(8), stale: .hours(16))
    case .openSettled, .closing: Freshness(fresh: .hours(12), stale: .hours(24))
    default: kind.everywhere
    }
  }
}
