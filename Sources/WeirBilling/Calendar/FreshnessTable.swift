package import WeirCore

/// How long an upstream's answers live: its provider's calendar, with what the operator decided otherwise.
package struct FreshnessTable: Sendable {
  package let calendar: any BillingCalendar
  private let table: [FreshnessClass: Freshness]

  package init(calendar: any BillingCalendar, overrides: [FreshnessClass: FreshnessOverride] = [:]) {
    self.calendar = calendar
    table = Dictionary(
      uniqueKeysWithValues: FreshnessClass.allCases.map { kind in
        let usual = calendar.freshness(of: kind)
        return (kind, overrides[kind]?.applied(to: usual) ?? usual)
      })
  }

  /// How long what is of this class stays as it is.
  package subscript(_ kind: FreshnessClass) -> Freshness { table[kind] ?? calendar.freshness(of: kind) }

  /// How long an answer about these days lives, asked for on `today`: as long as the one of them that lives shortest.
  package func freshness(of range: TimeBucket, today: CivilDate) -> Freshness {
    let kinds = calendar.kinds(of: range, today: today)
    return kinds.reduce(self[calendar.kind(of: range, today: today)]) { $0.capped(self[$1]) }
  }

  /// The same for several ranges in one answer; an answer about no day ages like today's.
  package func freshness(of ranges: [TimeBucket], today: CivilDate) -> Freshness {
    guard let first = ranges.first else { return self[.open] }
    return ranges.dropFirst().reduce(freshness(of: first, today: today)) { $0.capped(freshness(of: $1, today: today)) }
  }

  /// What an answer says of itself shortens its life: nil where it says nothing.
  /// - Parameter isSettled: all its days have settled, so that what is estimated in it changes no more often than theirs.
  package func cap(isEmpty: Bool = false, isContinued: Bool = false, isEstimated: Bool = false, isSettled: Bool = false) -> Freshness? {
    let estimated = isSettled ? FreshnessClass.openSettled : .open
    let kinds: [FreshnessClass?] = [isEmpty ? .empty : nil, isContinued ? .continued : nil, isEstimated ? estimated : nil]
    return kinds.compactMap { $0.map { self[$0] } }.reduce(nil) { (cap: Freshness?, next: Freshness) in cap?.capped(next) ?? next }
  }
}
