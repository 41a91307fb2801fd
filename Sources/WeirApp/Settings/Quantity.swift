internal import WeirBilling
internal import WeirCore

/// The quantities that configurations are written in. Each returns nil for what it doesn't know; the caller says where and what to write.
enum Quantity {
  static let durationHelp = "a number with a unit, such as 250ms, 30s, 15m, 24h or 7d"
  static let sizeHelp = "a number of bytes with an optional unit, such as 4MiB, 256MiB or 1GiB"
  static let rateHelp = "a number of requests per time, such as 2/s, 12/10s, 60/m or 200/day"
  static let priceHelp = "an amount per request, such as 0.01 USD/request"

  /// `250ms`, `30s`, `15m`, `24h`, `7d`.
  static func duration(_ text: String) -> Duration? {
    let (number, unit) = split(text)
    guard let number, number >= 0 else { return nil }
    let milliseconds: Double
    switch unit {
    case "ms": milliseconds = 1
    case "s", "sec": milliseconds = 1000
    case "m", "min": milliseconds = 60_000
    case "h", "hour": milliseconds = 3_600_000
    case "d", "day": milliseconds = 86_400_000
    default: return nil
    }
    return Int64(exactly: (number * milliseconds).rounded()).map { .milliseconds($0) }
  }

  /// `1024`, `4KiB`, `256MiB`, `1GiB`.
  static func bytes(_ text: String) -> Int? {
    let (number, unit) = split(text)
    guard let number, number >= 0 else { return nil }
    let factors: [String: Double] = ["": 1, "B": 1, "KiB": 1024, "MiB": 1_048_576, "GiB": 1_073_741_824, "KB": 1e3, "MB": 1e6, "GB": 1e9]
    guard let factor = factors[unit] else { return nil }
    return Int(exactly: (number * factor).rounded())
  }

  /// `2/s`, `12/10s`, `60/1m`, `200/day`: how many, and per how long.
  static func rate(_ text: String) -> (count: Int, period: Duration)? {
    let sides = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String($0) ?? "" }
    guard sides.count == 2, let count = Int(trimmed(sides[0])), count > 0 else { return nil }
    let period = trimmed(sides[1])
    let named: [String: Duration] = [
      "s": .seconds(1), "second": .seconds(1), "m": .minutes(1), "minute": .minutes(1), "h": .hours(1),
      "hour": .hours(1), "d": .days(1), "day": .days(1),
    ]
    guard let period = named[period] ?? duration(period), period > .zero else { return nil }
    return (count, period)
  }

  /// `0.01 USD/request`, with at most six decimals.
  static func price(_ text: String) -> MicroUSD? {
    let parts = text.split(separator: " ").map(String.init)
    guard let first = parts.first, parts.count <= 2 else { return nil }
    if parts.count == 2, !["USD/request", "USD"].contains(parts[1]) { return nil }
    let sides = first.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(sides.count), let whole = Int64(sides[0]), whole >= 0, whole < 1_000_000 else { return nil }
    let decimals = sides.count == 2 ? sides[1] : ""
    guard decimals.utf8.count <= 6, decimals.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    guard let fraction = Int64(decimals + String(repeating: "0", count: 6 - decimals.utf8.count)) else { return nil }
    return MicroUSD(whole * 1_000_000 + fraction)
  }

  private static func split(_ text: String) -> (number: Double?, unit: String) {
    let text = trimmed(text)
    let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: ".") }
    let unit = text.utf8.dropFirst(digits.count)
    return (String(digits).flatMap { Double($0) }, trimmed(String(unit) ?? ""))
  }

  private static func trimmed(_ text: String) -> String {
    let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    var bytes = Array(text.utf8)[...]
    while let first = bytes.first, isSpace(first) { bytes = bytes.dropFirst() }
    while let last = bytes.last, isSpace(last) { bytes = bytes.dropLast() }
    return String(decoding: bytes, as: UTF8.self)
  }
}
