/// How an answer ages: what it is about, and for days of a bill how final the provider holds them. The raw values are the names that
/// configurations use.
package enum FreshnessClass: String, CaseIterable, Sendable {
  /// Days to come.
  case forecast
  /// Days of the running month, up to and including today, of which numbers still arrive.
  case open
  /// Days of the running month that have settled: they ended two days ago or earlier.
  case openSettled = "open_settled"
  /// Days of the month before, until the provider's close day.
  case closing
  /// Days of months whose invoice is final.
  case closed
  /// Lists of services, accounts, regions, tags and cost categories.
  case lists
  /// Budgets and anomalies, which are looked at for what changed lately.
  case alerts
  /// Recommendations, computed once a day.
  case recommendations
  /// What a caller may have calculated anew at any time, and asks for again to see.
  case recalculated
  /// List prices.
  case prices
  /// An answer, or a day that has not settled, without a single row: it may be a number that has not arrived yet.
  case empty
  /// An answer with a token for its next page: the token does not live as long as the numbers do.
  case continued
}
