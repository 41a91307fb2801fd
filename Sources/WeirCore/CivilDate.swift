/// A day of the proleptic Gregorian calendar in UTC, the calendar that cloud bills are kept in.
package struct CivilDate: Hashable, Comparable, Sendable {
  /// Days since 1970-01-01.
  package let days: Int

  package init(days: Int) {
    self.days = days
  }

  /// The day that holds this moment, in UTC.
  package init(_ time: WallTime) {
    let day: Int64 = 86_400_000
    let (quotient, remainder) = time.milliseconds.quotientAndRemainder(dividingBy: day)
    self.days = Int(remainder < 0 ? quotient - 1 : quotient)
  }

  /// From `YYYY-MM-DD`, nothing more and nothing less; nil for anything else and for days that no month has.
  package init?(_ text: some Collection<UInt8>) {
    let bytes = Array(text)
    guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-") else { return nil }
    guard let year = Self.number(bytes[0..<4]), let month = Self.number(bytes[5..<7]), let day = Self.number(bytes[8..<10]) else { return nil }
    guard year >= 1, (1...12).contains(month), day >= 1, day <= Self.length(ofMonth: month, year: year) else { return nil }
    self.init(year: year, month: month, day: day)
  }

  /// A day that exists. Months count from 1.
  package init(year: Int, month: Int, day: Int) {
    // Years begin in March, so that the leap day is a year's last.
    let shiftedYear = month > 2 ? year : year - 1
    let shiftedMonth = month > 2 ? month - 3 : month + 9
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * shiftedMonth + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    self.days = era * 146_097 + dayOfEra - 719_468
  }

  /// Year, month from 1, day from 1.
  package var components: (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  /// Midnight, when the day begins. Saturates.
  package var start: WallTime {
    let (milliseconds, overflow) = Int64(days).multipliedReportingOverflow(by: 86_400_000)
    return WallTime(milliseconds: overflow ? (days < 0 ? .min : .max) : milliseconds)
  }

  /// The first day of this day's month.
  package var firstOfMonth: CivilDate {
    let (year, month, _) = components
    return CivilDate(year: year, month: month, day: 1)
  }

  /// The first day of the month before this day's.
  package var firstOfPreviousMonth: CivilDate { CivilDate(days: firstOfMonth.days - 1).firstOfMonth }

  /// The first day of the month after this day's.
  package var firstOfNextMonth: CivilDate {
    let (year, month, _) = components
    return month == 12 ? CivilDate(year: year + 1, month: 1, day: 1) : CivilDate(year: year, month: month + 1, day: 1)
  }

  /// `YYYY-MM-DD`.
  package var text: String {
    let (year, month, day) = components
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
  }

  package static func < (left: CivilDate, right: CivilDate) -> Bool { left.days < right.days }
  package static func + (date: CivilDate, days: Int) -> CivilDate { CivilDate(days: date.days + days) }
  package static func - (date: CivilDate, days: Int) -> CivilDate { CivilDate(days: date.days - days) }

  private static func length(ofMonth month: Int, year: Int) -> Int {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    var number = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      number = number * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return number
  }
}
