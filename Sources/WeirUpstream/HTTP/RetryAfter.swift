package import WeirCore

/// The value of `Retry-After` (RFC 9110 §10.2.3): a number of seconds or a date.
package enum RetryAfter {
  /// Waits longer than a day are cut to a day: the header is from outside.
  package static let longest: Duration = .seconds(86_400)

  /// Nil for what is neither; zero for a date that has passed.
  package static func parse(_ text: String, now: WallTime) -> Duration? {
    let bytes = Array(text.utf8).drop { $0 == 0x20 }
    let digits = bytes.prefix { $0 &- UInt8(ascii: "0") < 10 }
    if !digits.isEmpty, bytes.dropFirst(digits.count).allSatisfy({ $0 == 0x20 }) {
      return Int(String(decoding: digits, as: UTF8.self)).map { min(.seconds($0), longest) } ?? longest
    }
    return date(String(decoding: bytes, as: UTF8.self)).map { min(max($0 - now, .zero), longest) }
  }

  /// IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
  private static func date(_ text: String) -> WallTime? {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let fields = text.split(separator: " ")
    guard fields.count >= 6, fields[5] == "GMT", let day = Int(fields[1]), let month = months.firstIndex(of: String(fields[2])),
      let year = Int(fields[3]), (1970...9999).contains(year), (1...31).contains(day)
    else { return nil }
    let clock = fields[4].split(separator: ":").map { Int($0) ?? -1 }
    guard clock.count == 3, (0...23).contains(clock[0]), (0...59).contains(clock[1]), (0...60).contains(clock[2]) else { return nil }
    let seconds = days(year, month + 1, day) * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    return WallTime(milliseconds: Int64(seconds) * 1000)
  }

  /// Days since 1970-01-01 in the Gregorian calendar, counting years from March, so that the leap day is the last of a year.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let year = month <= 2 ? year - 1 : year
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    return 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
  }
}
