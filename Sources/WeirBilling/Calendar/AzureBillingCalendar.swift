/// Azure Cost Management is refreshed every four hours, with numbers up to 72 hours late; a billing period closes up to 72 hours after its
/// end. The billing periods of pay-as-you-go subscriptions are not calendar months: their open and closing days are told by the calendar
/// month all the same, so that the end of such a period may count as closed when it is not yet.
package struct AzureBillingCalendar: BillingCalendar {
  package let closeDay = 5

  package init() {}

  package func freshness(of kind: FreshnessClass) -> Freshness {
    switch kind {
    case .forecast, .open: Freshness(fresh: .hours(4), stale: .hours(20))
    case .openSettled, .closing: Freshness(fresh: .hours(8), stale: .hours(28))
    default: kind.everywhere
    }
  }
}
