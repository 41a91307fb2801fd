package import WeirCore

/// How long the answer of one time bucket lives, for a call that was made on a certain day.
package struct BucketFreshness: Sendable {
  package let table: FreshnessTable
  package let today: CivilDate
  /// What a rule of the operator says for the whole tool, in the place of the calendar.
  package var rule: Freshness?

  package init(table: FreshnessTable, today: CivilDate, rule: Freshness? = nil) {
    self.table = table
    self.today = today
    self.rule = rule
  }

  /// - Parameters:
  ///   - isEstimated: the provider says that its numbers are not final: it lives as long as a day of the running month at most.
  ///   - isEmpty: it holds no row: where its last day has not settled, its numbers may be yet to come; later it is a final zero.
  ///   - hasRowsBeside: whether a bucket of the answer that it was cut from holds a row. Where none does, what was asked for may not be there
  ///     yet at all, such as a tag that is about to be filled in, and an empty bucket is kept as briefly as an empty answer.
  package func freshness(of bucket: TimeBucket, isEstimated: Bool, isEmpty: Bool, hasRowsBeside: Bool = true) -> Freshness {
    let freshness = rule ?? table.freshness(of: bucket, today: today)
    let isSettled = BillingDay.isSettled(bucket.end - 1, today: today)
    let isNothingYet = isEmpty && !(hasRowsBeside && isSettled)
    return table.cap(isEmpty: isNothingYet, isEstimated: isEstimated, isSettled: isSettled).map { freshness.capped($0) } ?? freshness
  }
}
