/// Google Cloud's billing export promises no latency: numbers are there after about twelve hours, and vendors hold a month to be final on the
/// 10th of the next.
package struct GoogleBillingCalendar: BillingCalendar {
  package let closeDay = 10

  package init() {}

  package func freshness(of kind: FreshnessClass) -> Freshness {
    switch kind {
    case .forecast, .open: Freshness(fresh: .hours(6), stale: .hours(18))
    case .openSettled, .closing: Freshness(fresh: .hours(12), stale: .hours(24))
    default: kind.everywhere
    }
  }
}
