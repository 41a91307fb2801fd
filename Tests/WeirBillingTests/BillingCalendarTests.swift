import Testing
import WeirBilling
import WeirCore

/// `2026-11-23`, which stands in this file.
func day(_ text: String) -> CivilDate {
  CivilDate(Array(text.utf8)) ?? CivilDate(days: .min / 2)
}

/// The days from `start` to before `end`.
func range(_ start: String, _ end: String) -> TimeBucket {
  TimeBucket(start: day(start), end: day(end))
}

@Suite("The calendars of the providers (issue 3)")
struct BillingCalendarTests {
  static let aws = AWSBillingCalendar()
  static let azure = AzureBillingCalendar()
  static let google = GoogleBillingCalendar()

  @Test(
    "a day is closed, closing, open, settled or to come",
    arguments: [
      // The running month: up to three days back numbers still arrive.
      ("2026-11-23", "2026-11-24", FreshnessClass.forecast), ("2026-11-23", "2026-11-23", .open), ("2026-11-23", "2026-11-21", .open),
      ("2026-11-23", "2026-11-20", .openSettled), ("2026-11-23", "2026-11-01", .openSettled), ("2026-11-23", "2026-10-31", .closed),
      ("2026-11-23", "2026-12-01", .forecast), ("2026-11-23", "2030-01-01", .forecast), ("2026-11-23", "1970-01-01", .closed),
      // Month ends of every length.
      ("2026-11-30", "2026-11-30", .open), ("2026-11-30", "2026-12-01", .forecast), ("2026-12-01", "2026-11-30", .closing),
      ("2026-12-01", "2026-12-01", .open), ("2026-12-01", "2026-11-01", .closing), ("2026-12-01", "2026-10-31", .closed),
      ("2026-12-03", "2026-12-01", .open), ("2026-12-04", "2026-12-01", .openSettled), ("2026-02-28", "2026-03-01", .forecast),
      ("2026-03-01", "2026-02-28", .closing), ("2026-03-01", "2026-01-31", .closed), ("2026-05-01", "2026-04-30", .closing),
      // The close day.
      ("2026-11-09", "2026-10-31", .closing), ("2026-11-09", "2026-10-01", .closing), ("2026-11-09", "2026-09-30", .closed),
      ("2026-11-10", "2026-10-31", .closed), ("2026-11-11", "2026-10-31", .closed),
      // The turn of the year.
      ("2026-12-31", "2027-01-01", .forecast), ("2027-01-01", "2027-01-01", .open), ("2027-01-01", "2026-12-31", .closing),
      ("2027-01-01", "2026-11-30", .closed), ("2027-01-09", "2026-12-01", .closing), ("2027-01-10", "2026-12-31", .closed),
      // Leap days, and the century that has none.
      ("2024-02-29", "2024-02-29", .open), ("2024-02-29", "2024-03-01", .forecast), ("2024-02-29", "2024-02-27", .open),
      ("2024-02-29", "2024-02-26", .openSettled), ("2024-03-01", "2024-02-29", .closing), ("2024-03-03", "2024-02-29", .closing),
      ("2024-03-10", "2024-02-29", .closed), ("2028-02-28", "2028-02-29", .forecast), ("2028-03-01", "2028-02-29", .closing),
      ("2100-02-28", "2100-03-01", .forecast), ("2100-03-01", "2100-02-28", .closing), ("2100-03-03", "2100-03-01", .open),
      ("2000-03-09", "2000-02-29", .closing), ("2000-03-10", "2000-02-29", .closed),
    ])
  func days(_ today: String, _ asked: String, _ expected: FreshnessClass) {
    #expect(Self.aws.kind(of: TimeBucket(start: day(asked), end: day(asked) + 1), today: day(today)) == expected)
  }

  @Test(
    "each provider closes a month on its day",
    arguments: [
      ("2026-11-03", FreshnessClass.closing, FreshnessClass.closing), ("2026-11-04", .closing, .closing), ("2026-11-05", .closed, .closing),
      ("2026-11-06", .closed, .closing), ("2026-11-09", .closed, .closing), ("2026-11-10", .closed, .closed), ("2026-11-11", .closed, .closed),
      ("2026-11-30", .closed, .closed),
    ])
  func closeDays(_ today: String, _ inAzure: FreshnessClass, _ elsewhere: FreshnessClass) {
    let october = range("2026-10-01", "2026-11-01")
    #expect(Self.azure.kind(of: october, today: day(today)) == inAzure)
    #expect(Self.aws.kind(of: october, today: day(today)) == elsewhere)
    #expect(Self.google.kind(of: october, today: day(today)) == elsewhere)
  }

  @Test(
    "a range has every class that one of its days has, the newest first",
    arguments: [
      ("2026-11-23", range("2026-11-01", "2026-11-24"), [FreshnessClass.open, .openSettled]),
      ("2026-11-23", range("2026-11-01", "2026-12-01"), [.forecast, .open, .openSettled]),
      ("2026-11-23", range("2026-08-25", "2026-11-24"), [.open, .openSettled, .closed]),
      ("2026-11-09", range("2026-08-11", "2026-11-10"), [.open, .openSettled, .closing, .closed]),
      ("2026-11-09", range("2026-08-11", "2026-12-10"), [.forecast, .open, .openSettled, .closing, .closed]),
      ("2026-11-02", range("2026-10-01", "2026-11-03"), [.open, .closing]),
      ("2026-11-03", range("2026-10-31", "2026-11-01"), [.closing]),
      ("2026-11-04", range("2026-11-01", "2026-11-02"), [.openSettled]),
      ("2026-11-23", range("2025-10-01", "2026-11-01"), [.closed]),
      ("2026-11-23", range("2023-09-01", "2026-11-24"), [.open, .openSettled, .closed]),
      ("2026-11-23", range("2026-12-01", "2027-12-01"), [.forecast]),
      // No day at all, and the wrong way round: as the day before its end.
      ("2026-11-23", range("2026-11-24", "2026-11-24"), [.open]),
      ("2026-11-23", range("2026-12-24", "2026-11-01"), [.closed]),
    ])
  func ranges(_ today: String, _ asked: TimeBucket, _ expected: [FreshnessClass]) {
    #expect(Self.aws.kinds(of: asked, today: day(today)) == expected)
  }

  /// The same, said once more in the plainest way: by the texts of the dates.
  static func plainKind(_ asked: CivilDate, today: CivilDate, closeDay: Int) -> FreshnessClass {
    if asked.text > today.text { return .forecast }
    if asked.text.prefix(7) == today.text.prefix(7) { return today.days - asked.days >= 3 ? .openSettled : .open }
    let isBeforeClose = today.components.day < closeDay
    let isPrevious = (today - today.components.day).text.prefix(7) == asked.text.prefix(7)
    return isPrevious && isBeforeClose ? .closing : .closed
  }

  @Test(
    "the classes of any range are those of its days, on every day of four years",
    arguments: [aws as any BillingCalendar, azure, google], ["2027-06-01", "2099-06-01"])
  func everyDay(_ calendar: any BillingCalendar, _ first: String) {
    var generator = SystemRandomNumberGenerator()
    for offset in 0..<731 {
      let today = day(first) + offset
      let length = offset % 50 == 0 ? 1200 : [1, 2, 7, 31, 90].randomElement(using: &generator) ?? 1
      let start = today - Int.random(in: -40...(length + 40), using: &generator)
      let asked = TimeBucket(start: start, end: start + length)
      var expected: [FreshnessClass] = []
      for day in stride(from: asked.end.days - 1, through: start.days, by: -1) {
        let kind = Self.plainKind(CivilDate(days: day), today: today, closeDay: calendar.closeDay)
        if expected.last != kind { expected.append(kind) }
      }
      #expect(calendar.kinds(of: asked, today: today) == expected, "\(start.text) to \(asked.end.text) on \(today.text)")
      #expect(calendar.kind(of: asked, today: today) == expected.first)
    }
  }

  @Test(
    "what the calendars say is what docs/freshness.md says",
    arguments: [
      (FreshnessClass.forecast, "8 h and 16 h stale", "4 h and 20 h stale", "6 h and 18 h stale"),
      (.open, "8 h and 16 h stale", "4 h and 20 h stale", "6 h and 18 h stale"),
      (.openSettled, "12 h and 24 h stale", "8 h and 28 h stale", "12 h and 24 h stale"),
      (.closing, "12 h and 24 h stale", "8 h and 28 h stale", "12 h and 24 h stale"),
      (.closed, "7 d and 23 d stale", "7 d and 23 d stale", "7 d and 23 d stale"),
      (.lists, "24 h and 6 d stale", "24 h and 6 d stale", "24 h and 6 d stale"),
      (.alerts, "1 h and 7 h stale", "1 h and 7 h stale", "1 h and 7 h stale"),
      (.recommendations, "24 h and 2 d stale", "24 h and 2 d stale", "24 h and 2 d stale"),
      (.recalculated, "15 min", "15 min", "15 min"),
      (.prices, "24 h and 6 d stale", "24 h and 6 d stale", "24 h and 6 d stale"),
      (.empty, "15 min and 15 min stale", "15 min and 15 min stale", "15 min and 15 min stale"),
      (.continued, "15 min and 15 min stale", "15 min and 15 min stale", "15 min and 15 min stale"),
    ])
  func defaults(_ kind: FreshnessClass, _ inAWS: String, _ inAzure: String, _ inGoogle: String) {
    #expect(Self.aws.freshness(of: kind).words == inAWS)
    #expect(Self.azure.freshness(of: kind).words == inAzure)
    #expect(Self.google.freshness(of: kind).words == inGoogle)
  }

  @Test("the less final a day is, the sooner it is asked for again", arguments: [aws as any BillingCalendar, azure, google])
  func order(_ calendar: any BillingCalendar) {
    let kinds: [FreshnessClass] = [.forecast, .open, .openSettled, .closing, .closed]
    for (newer, older) in zip(kinds, kinds.dropFirst()) {
      #expect(calendar.freshness(of: newer).fresh <= calendar.freshness(of: older).fresh)
      #expect(calendar.freshness(of: newer).limit <= calendar.freshness(of: older).limit)
    }
  }
}
