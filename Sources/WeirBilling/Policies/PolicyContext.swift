package import WeirCore

/// What a call's policy depends on beside the call itself.
package struct PolicyContext: Sendable {
  /// The day of the call, in UTC.
  package let today: CivilDate
  /// How long answers of this upstream live.
  package let freshness: FreshnessTable

  package init(today: CivilDate, freshness: FreshnessTable) {
    self.today = today
    self.freshness = freshness
  }
}
