/// The value of a `Retry-After` header (RFC 9110, section 10.2.3): a number of seconds or a date.
package enum RetryAfter {
  /// Waits longer than a day are cut to a day: the header is from outside.
  package static let longest = Duration.seconds(86_400)

  private static let months: [Substring] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// How long to wait, at most `longest`.
  /// - Parameter now: the `Date` of the response where it has one, so that the two clocks need not agree; else the time here.
  /// - Returns: zero for a date that has passed; nil for what is neither a number of seconds nor a date.
  package static func parse(_ value: String, now: WallTime) -> Duration? {
    let text = value.utf8.drop { $0 == 0x20 || $0 == 0x09 }
    guard let first = text.first else { return nil }
    if (0x30...0x39).contains(first) { return seconds(value) }
    return date(value, now: now).map { min(max(.zero, $0 - now), longest) }
  }

  private static func seconds(_ value: String) -> Duration? {
    let words = value.split(whereSeparator: { $0 == " " || $0 == "\t" })
    guard words.count == 1, let digits = words.first else { return nil }
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    // A number that does not fit is a very long time.
    return Int64(digits).map { min(.seconds($0), longest) } ?? longest
  }

  /// The three forms of RFC 9110, section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
  private static func date(_ value: String, now: WallTime) -> WallTime? {
    let words = value.split(whereSeparator: { $0 == " " || $0 == "," || $0 == "-" || $0 == "\t" })
    switch words.count {
    case 6 where words[5] == "GMT": return date(day: words[1], month: words[2], year: words[3], time: words[4], now: now)
    case 5: return date(day: words[2], month: words[1], year: words[4], time: words[3], now: now)
    default: return nil
    }
  }

  private static func date(day: Substring, month: Substring, year: Substring, time: Substring, now: WallTime) -> WallTime? {
    guard let day = number(day, in: 1...31), let month = months.firstIndex(of: month), let written = number(year, in: 0...9999) else { return nil }
    let clock = time.split(separator: ":", omittingEmptySubsequences: false)
    guard clock.count == 3, let hour = number(clock[0], in: 0...23), let minute = number(clock[1], in: 0...59),
      let second = number(clock[2], in: 0...60)
    else { return nil }
    let date = CivilDate(year: year.utf8.count == 2 ? fullYear(written, now: now) : written, month: month + 1, day: day)
    // The 31st of a month that has none.
    guard date.components.day == day else { return nil }
    return date.start + .seconds(hour * 3600 + minute * 60 + second)
  }

  /// Of two digits: the latest year that is not over fifty years ahead.
  private static func fullYear(_ written: Int, now: WallTime) -> Int {
    let latest = CivilDate(now).components.year + 50
    let year = latest - latest % 100 + written
    return year > latest ? year - 100 : year
  }

  private static func number(_ digits: Substring, in range: ClosedRange<Int>) -> Int? {
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits), range.contains(number) else { return nil }
    return number
  }
}
