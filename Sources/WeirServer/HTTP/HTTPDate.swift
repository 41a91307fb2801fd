import WeirCore

/// The `Date` field (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
  private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  static func text(_ seconds: Int64) -> [UInt8] {
    let day = seconds >= 0 ? seconds / 86_400 : -((-seconds + 86_399) / 86_400)
    let second = Int(seconds - day * 86_400)
    let (year, month, dayOfMonth) = civil(day)
    let weekday = days[Int(((day % 7) + 7) % 7)]
    let date = "\(two(dayOfMonth)) \(months[month - 1]) \(year)"
    return Array("\(weekday), \(date) \(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60)) GMT".utf8)
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  /// Days since 1970-01-01 as a date of the proleptic Gregorian calendar; years begin in March so that the leap day comes last.
  private static func civil(_ day: Int64) -> (year: Int64, month: Int, day: Int) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let dayOfMonth = Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    let month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfMonth)
  }
}

/// The text of the current second, made once a second. Belongs to one event loop.
struct DateClock {
  private var second: Int64 = .min
  private var text: [UInt8] = []

  mutating func now(_ time: WallTime) -> [UInt8] {
    let second = time.milliseconds / 1000
    if second != self.second {
      self.second = second
      text = HTTPDate.text(second)
    }
    return text
  }
}
