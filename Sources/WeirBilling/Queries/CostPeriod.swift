internal import WeirCore

/// A range of time and how it is cut into buckets, all UTC. Counted in hours since 1970.
struct CostPeriod: Hashable, Sendable {
  enum Granularity: String, Sendable {
    case hourly = "HOURLY"
    case daily = "DAILY"
    case monthly = "MONTHLY"
  }

  let granularity: Granularity
  let start: Int
  /// Exclusive.
  let end: Int

  init(granularity: Granularity, start: Int, end: Int) {
    self.granularity = granularity
    self.start = start
    self.end = end
  }

  /// From the first day to before `end`.
  init(_ granularity: Granularity, from start: CivilDate, to end: CivilDate) {
    self.init(granularity: granularity, start: start.days * 24, end: end.days * 24)
  }

  /// From the two texts; nil where they are not of the form that the granularity takes, or there is nothing between them.
  init?(_ granularity: Granularity, start: [UInt8], end: [UInt8]) {
    guard let start = Self.hours(start, granularity), let end = Self.hours(end, granularity), start < end else { return nil }
    self.init(granularity: granularity, start: start, end: end)
  }

  var startText: String { Self.text(start, granularity) }
  var endText: String { Self.text(end, granularity) }

  /// Days, for periods that are cut into days or months.
  var days: Range<CivilDate>? {
    granularity == .hourly ? nil : CivilDate(days: start / 24)..<CivilDate(days: end / 24)
  }

  /// How many buckets the answer has.
  var bucketCount: Int {
    switch granularity {
    case .hourly: end - start
    case .daily: (end - start) / 24
    case .monthly: Self.month(end / 24 - 1) - Self.month(start / 24) + 1
    }
  }

  /// The range that holds all of them, where each one's buckets are buckets of that range too.
  static func union(_ periods: [CostPeriod]) -> CostPeriod? {
    guard let first = periods.first, let start = periods.map(\.start).min(), let end = periods.map(\.end).max() else { return nil }
    guard periods.allSatisfy({ $0.granularity == first.granularity }) else { return nil }
    switch first.granularity {
    case .daily: break
    case .hourly:
      // Hours are kept for 14 days.
      guard end - start <= 14 * 24 else { return nil }
    case .monthly:
      // A month that is cut by an edge of the range is another bucket than the whole month.
      func fits(_ edge: Int) -> Bool { edge == start || edge == end || isFirstOfMonth(edge) }
      guard periods.allSatisfy({ fits($0.start) && fits($0.end) }) else { return nil }
    }
    return CostPeriod(granularity: first.granularity, start: start, end: end)
  }

  static func isFirstOfMonth(_ hours: Int) -> Bool {
    let date = CivilDate(days: hours / 24)
    return date == date.firstOfMonth
  }

  /// `YYYY-MM-DD`, or `YYYY-MM-DDTHH:00:00Z` with hours; nil for anything else.
  static func hours(_ text: [UInt8], _ granularity: Granularity) -> Int? {
    guard granularity == .hourly else { return CivilDate(text).flatMap { $0.days >= 0 ? $0.days * 24 : nil } }
    guard text.count == 20, text[10] == UInt8(ascii: "T"), text[13...].elementsEqual(":00:00Z".utf8), let date = CivilDate(text[..<10]) else {
      return nil
    }
    let (tens, ones) = (Int(text[11]) - 48, Int(text[12]) - 48)
    guard (0...9).contains(tens), (0...9).contains(ones), tens * 10 + ones < 24, date.days >= 0 else { return nil }
    return date.days * 24 + tens * 10 + ones
  }

  private static func text(_ hours: Int, _ granularity: Granularity) -> String {
    let date = CivilDate(days: hours / 24).text
    guard granularity == .hourly else { return date }
    let hour = hours % 24
    return "\(date)T\(hour < 10 ? "0" : "")\(hour):00:00Z"
  }

  private static func month(_ days: Int) -> Int {
    let date = CivilDate(days: days).components
    return date.year * 12 + date.month
  }
}
