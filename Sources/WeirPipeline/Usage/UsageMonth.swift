package import WeirCore

/// A calendar month in UTC, the period that bills are made for.
package struct UsageMonth: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let firstDay: CivilDate

  /// The month that this moment is in.
  package init(_ time: WallTime) {
    firstDay = CivilDate(time).firstOfMonth
  }

  /// From `YYYY-MM`, nothing more and nothing less; nil for anything else.
  package init?(_ text: some Collection<UInt8>) {
    guard text.count == 7, let day = CivilDate(Array(text) + Array("-01".utf8)) else { return nil }
    firstDay = day
  }

  /// Its first moment.
  package var start: WallTime { firstDay.start }
  /// The first moment of the next month.
  package var end: WallTime { firstDay.firstOfNextMonth.start }
  /// `YYYY-MM`.
  package var description: String { String(firstDay.text.dropLast(3)) }

  package static func < (left: UsageMonth, right: UsageMonth) -> Bool { left.firstDay < right.firstDay }
}
