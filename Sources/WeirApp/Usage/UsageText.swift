internal import WeirCore

/// Moments, amounts and numbers as usage writes them.
enum UsageText {
  /// RFC 3339 in UTC, to the second: `2026-11-23T08:12:00Z`.
  static func timestamp(_ time: WallTime) -> String { "\(CivilDate(time).text)T\(clock(time)):\(padded(second(of: time) % 60, 2))Z" }

  /// For people: `2026-11-23 08:12`.
  static func minute(_ time: WallTime) -> String { "\(CivilDate(time).text) \(clock(time))" }

  /// What `timestamp` writes, nothing else; nil for all other texts.
  static func moment(_ text: [UInt8]) -> WallTime? {
    guard text.count == 20, text[10] == UInt8(ascii: "T"), text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
      text[19] == UInt8(ascii: "Z"), let day = CivilDate(text[..<10]), let hour = twoDigits(text[11..<13]), let minute = twoDigits(text[14..<16]),
      let second = twoDigits(text[17..<19]), hour < 24, minute < 60, second < 60
    else { return nil }
    return day.start + .seconds(hour * 3600 + minute * 60 + second)
  }

  /// Dollars as an exact decimal number with `decimals` digits after the point, at most six of them; digits beyond are cut.
  static func dollars(_ money: MicroUSD, decimals: Int) -> String {
    let (whole, rest) = money.amount.magnitude.quotientAndRemainder(dividingBy: 1_000_000)
    let sign = money.amount < 0 ? "-" : ""
    return decimals == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(padded(Int(rest), 6).prefix(decimals))"
  }

  /// How many digits after the point an amount needs to be exact.
  static func decimals(of money: MicroUSD) -> Int {
    var (rest, digits) = (money.amount.magnitude % 1_000_000, 6)
    while digits > 0, rest % 10 == 0 { (rest, digits) = (rest / 10, digits - 1) }
    return digits
  }

  /// `1234567.5` as `1,234,567.5`.
  static func grouped(_ number: String) -> String {
    let whole = Array(number.utf8.prefix { $0 != UInt8(ascii: ".") })
    var text: [UInt8] = []
    for (index, digit) in whole.enumerated() {
      if index > 0, (whole.count - index) % 3 == 0, text != [UInt8(ascii: "-")] { text.append(UInt8(ascii: ",")) }
      text.append(digit)
    }
    return String(decoding: text + number.utf8.dropFirst(whole.count), as: UTF8.self)
  }

  /// A text from elsewhere as one line that can do nothing to a terminal, cut after so many characters.
  static func printable(_ name: String, limit: Int = 60) -> String {
    var text = ""
    for scalar in name.unicodeScalars {
      if text.unicodeScalars.count >= limit { return text + "…" }
      let isPlain = scalar == " " || !(scalar.properties.isWhitespace || [.control, .format].contains(scalar.properties.generalCategory))
      text += isPlain ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
    }
    return text
  }

  static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }

  private static func second(of time: WallTime) -> Int { Int((time - CivilDate(time).start).saturatedMilliseconds / 1000) }

  private static func clock(_ time: WallTime) -> String {
    let second = second(of: time)
    return "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2))"
  }

  private static func twoDigits(_ digits: ArraySlice<UInt8>) -> Int? {
    guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return Int(String(decoding: digits, as: UTF8.self))
  }
}
