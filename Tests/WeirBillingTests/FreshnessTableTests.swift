import Testing
import WeirBilling
import WeirCore

@Suite("How long answers live, with what the operator knows better (issue 3)")
struct FreshnessTableTests {
  static let today = day("2026-11-09")

  func table(_ overrides: [FreshnessClass: FreshnessOverride] = [:]) -> FreshnessTable {
    FreshnessTable(calendar: AWSBillingCalendar(), overrides: overrides)
  }

  @Test("a ttl alone keeps the age at which an answer is too old, unless it is longer than that")
  func ttlAlone() {
    let table = table([.open: .init(fresh: .hours(4)), .closed: .init(fresh: .days(14)), .closing: .init(fresh: .days(3))])
    #expect(table[.open] == Freshness(fresh: .hours(4), stale: .hours(20)))
    #expect(table[.closed] == Freshness(fresh: .days(14), stale: .days(16)))
    #expect(table[.closing] == Freshness(fresh: .days(3), stale: .zero))
    #expect(table[.prices] == AWSBillingCalendar.prices)
  }

  @Test("a stale part alone leaves the ttl, and both are taken as they are")
  func staleAlone() {
    let table = table([.open: .init(stale: .zero), .lists: .init(stale: .days(30)), .prices: .init(fresh: .hours(12), stale: .days(3))])
    #expect(table[.open] == Freshness(fresh: .hours(8), stale: .zero))
    #expect(table[.lists] == Freshness(fresh: .hours(24), stale: .days(30)))
    #expect(table[.prices] == Freshness(fresh: .hours(12), stale: .days(3)))
  }

  @Test(
    "an answer lives as long as the one of its days that lives shortest",
    arguments: [
      (range("2026-08-01", "2026-10-01"), AWSBillingCalendar.closed), (range("2026-08-01", "2026-11-01"), AWSBillingCalendar.closing),
      (range("2026-08-01", "2026-11-02"), AWSBillingCalendar.openSettled), (range("2026-08-01", "2026-11-10"), AWSBillingCalendar.open),
      (range("2026-08-01", "2026-12-01"), AWSBillingCalendar.forecast), (range("2023-09-01", "2026-11-10"), AWSBillingCalendar.open),
      (range("2025-10-01", "2026-10-01"), AWSBillingCalendar.closed), (range("2026-11-10", "2027-11-10"), AWSBillingCalendar.forecast),
    ])
  func shortest(_ asked: TimeBucket, _ expected: Freshness) {
    #expect(table().freshness(of: asked, today: Self.today) == expected)
  }

  @Test("the order of the classes may be turned round: it is the shortest that counts, not the newest")
  func inverted() {
    let table = table([.open: .init(fresh: .days(2), stale: .days(5)), .closed: .init(fresh: .hours(1), stale: .hours(3))])
    #expect(table.freshness(of: range("2026-08-01", "2026-11-10"), today: Self.today) == Freshness(fresh: .hours(1), stale: .hours(3)))
    // Without a closed day in it the settled and the closing days are the shortest.
    #expect(table.freshness(of: range("2026-10-01", "2026-11-10"), today: Self.today) == AWSBillingCalendar.closing)
    #expect(table.freshness(of: range("2026-11-07", "2026-11-10"), today: Self.today) == Freshness(fresh: .days(2), stale: .days(5)))
  }

  @Test("no day is given when it is older than it may be, whichever day is fresh the shortest")
  func limits() {
    // The open days are fresh shortest and may become oldest; the closed ones bound the age.
    let table = table([
      .open: .init(fresh: .hours(1), stale: .days(9)), .openSettled: .init(fresh: .days(9), stale: .zero),
      .closing: .init(fresh: .days(9), stale: .zero), .closed: .init(fresh: .hours(6), stale: .hours(4)),
    ])
    #expect(table.freshness(of: range("2026-08-01", "2026-11-10"), today: Self.today) == Freshness(fresh: .hours(1), stale: .hours(9)))
  }

  @Test("two ranges in one answer are like one, and an answer about no day is like today's")
  func severalRanges() {
    let (old, new) = (range("2026-08-01", "2026-09-01"), range("2026-10-01", "2026-11-01"))
    #expect(table().freshness(of: [old, new], today: Self.today) == AWSBillingCalendar.closing)
    #expect(table().freshness(of: [new, old], today: Self.today) == AWSBillingCalendar.closing)
    #expect(table().freshness(of: [], today: Self.today) == AWSBillingCalendar.open)
  }

  @Test("what an answer says of itself shortens its life by the table, all of it together")
  func caps() {
    let table = table([
      .empty: .init(fresh: .minutes(5), stale: .minutes(60)), .continued: .init(fresh: .minutes(10), stale: .zero), .open: .init(fresh: .hours(2)),
    ])
    #expect(table.cap() == nil)
    #expect(table.cap(isEmpty: true) == Freshness(fresh: .minutes(5), stale: .minutes(60)))
    #expect(table.cap(isContinued: true) == Freshness(fresh: .minutes(10), stale: .zero))
    #expect(table.cap(isEstimated: true) == Freshness(fresh: .hours(2), stale: .hours(22)))
    #expect(table.cap(isEmpty: true, isContinued: true, isEstimated: true) == Freshness(fresh: .minutes(5), stale: .minutes(5)))
  }

  @Test("a cap never makes anything live longer")
  func capping() {
    let values: [Duration] = [.zero, .milliseconds(1), .minutes(15), .hours(8), .days(30), .seconds(Int64.max / 2)]
    for (fresh, stale, capFresh, capStale) in values.flatMap({ a in values.flatMap { b in values.flatMap { c in values.map { (a, b, c, $0) } } } }) {
      let freshness = Freshness(fresh: fresh, stale: stale)
      let cap = Freshness(fresh: capFresh, stale: capStale)
      let capped = freshness.capped(cap)
      #expect(capped.fresh == min(fresh, capFresh))
      #expect(capped.limit == min(fresh + stale, capFresh + capStale))
      #expect(capped.stale >= .zero)
      #expect(capped == cap.capped(freshness))
    }
  }
}
