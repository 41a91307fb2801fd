package import WeirCore

/// When a provider's numbers arrive and become final. Everything is in UTC days, as bills are, so that no clock change touches it
/// (docs/freshness.md has the sources).
package protocol BillingCalendar: Sendable {
  /// The day of the month from which the month before counts as closed.
  var closeDay: Int { get }
  /// How long what is of this class stays as it is, unless the operator knows better.
  func freshness(of kind: FreshnessClass) -> Freshness
}

extension BillingCalendar {
  /// How final the newest day of `range` is on `today`.
  package func kind(of range: TimeBucket, today: CivilDate) -> FreshnessClass {
    kind(ofDay: range.end - 1, today: today)
  }

  /// How final its days are: every class that one of them has, the newest day's first. A range without a day counts as the day before its end.
  package func kinds(of range: TimeBucket, today: CivilDate) -> [FreshnessClass] {
    let newest = range.end - 1
    let oldest = min(range.start, newest)
    var kinds = [kind(ofDay: newest, today: today)]
    // The days after which the class changes, the latest first.
    for last in [today, today - BillingDay.settling, today.firstOfMonth - 1, today.firstOfPreviousMonth - 1] where oldest <= last && last < newest {
      let kind = kind(ofDay: last, today: today)
      if kinds.last != kind { kinds.append(kind) }
    }
    return kinds
  }

  private func kind(ofDay day: CivilDate, today: CivilDate) -> FreshnessClass {
    if day > today { return .forecast }
    if day >= today.firstOfMonth { return BillingDay.isSettled(day, today: today) ? .openSettled : .open }
    return day >= today.firstOfPreviousMonth && today.components.day < closeDay ? .closing : .closed
  }
}

/// When the numbers of a day stop coming in.
package enum BillingDay {
  /// Daily numbers settle in about 48 hours from the end of their day: a day has settled when today is the third day after it.
  package static let settling = 3

  /// Whether the numbers of `day` are all there on `today`, final or not.
  package static func isSettled(_ day: CivilDate, today: CivilDate) -> Bool { day <= today - settling }
}
