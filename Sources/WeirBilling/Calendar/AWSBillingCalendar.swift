package import WeirCore

/// How long AWS billing data stays as it is. Cost Explorer is updated up to three times a day, daily numbers settle for about 48 hours, a
/// month's bill is final by about the 7th of the next month, and later credits or tag backfills may still rewrite it
/// (docs/freshness.md has the sources).
package enum AWSBillingCalendar {
  /// The day of the month from which the month before counts as closed.
  package static let closeDay = 10

  /// The freshness of an answer whose newest day is the one before `end` (exclusive), asked on `today`.
  package static func freshness(endingBefore end: CivilDate, today: CivilDate) -> Freshness {
    if end > today + 1 { return forecast }
    if end > today.firstOfMonth { return open }
    let previousIsClosed = today.components.day >= closeDay
    if end > today.firstOfPreviousMonth, !previousIsClosed { return closing }
    return closed
  }

  /// Days to come: until the next refresh of the provider.
  package static let forecast = Freshness(fresh: .hours(8), stale: .hours(16))
  /// The running month.
  package static let open = Freshness(fresh: .hours(8), stale: .hours(16))
  /// The month before, until its close day.
  package static let closing = Freshness(fresh: .hours(12), stale: .hours(24))
  /// Months whose bill is final.
  package static let closed = Freshness(fresh: .days(7), stale: .days(23))
  /// Lists of services, accounts, regions, tags and categories.
  package static let lists = Freshness(fresh: .hours(24), stale: .days(6))
  /// Budgets and anomalies, which are looked at for what changed lately.
  package static let alerts = Freshness(fresh: .hours(1), stale: .hours(7))
  /// Recommendations, computed once a day.
  package static let recommendations = Freshness(fresh: .hours(24), stale: .days(2))
  /// List prices.
  package static let prices = Freshness(fresh: .hours(24), stale: .days(6))
  /// Savings Plans purchase recommendations: a caller may have them calculated anew at any time, and asks again to see the new ones.
  package static let recalculated = Freshness(fresh: .minutes(15), stale: .zero)
  /// An answer with a token for its next page: the token does not live as long as the numbers do.
  package static let continued: Duration = .minutes(15)
  /// An answer without a single row: it may be a number that has not arrived yet.
  package static let empty: Duration = .minutes(15)
}
