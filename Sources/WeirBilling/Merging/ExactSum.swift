internal import WeirJSON

/// Sums of decimal texts, without rounding.
struct ExactSum {
  private(set) var units: Int128 = 0
  private(set) var count = 0
  /// The most digits after a point that were added.
  private(set) var digits = 0

  /// Digits behind the point that are counted; an amount with more is none.
  private static let scale = 18

  /// False for what is no plain decimal text (`-12.50`), or too long.
  mutating func add(_ text: [UInt8]) -> Bool {
    guard let (value, digits) = Self.parse(text) else { return false }
    let (sum, overflow) = units.addingReportingOverflow(value)
    guard !overflow else { return false }
    units = sum
    self.digits = max(self.digits, digits)
    count += 1
    return true
  }

  func equals(_ text: [UInt8]) -> Bool { Self.parse(text)?.units == units }

  /// The shortest text, with one digit behind the point at least, or with none where it is whole.
  func text(pointAlways: Bool) -> String {
    let magnitude = String(units.magnitude)
    let padded = String(repeating: "0", count: max(0, Self.scale + 1 - magnitude.utf8.count)) + magnitude
    let whole = padded.dropLast(Self.scale)
    var fraction = padded.suffix(Self.scale)
    while fraction.last == "0" { fraction.removeLast() }
    let sign = units < 0 ? "-" : ""
    return fraction.isEmpty ? "\(sign)\(whole)\(pointAlways ? ".0" : "")" : "\(sign)\(whole).\(fraction)"
  }

  private static func parse(_ text: [UInt8]) -> (units: Int128, digits: Int)? {
    let isNegative = text.first == UInt8(ascii: "-")
    let parts = text.dropFirst(isNegative ? 1 : 0).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard let whole = parts.first, parts.count <= 2, !whole.isEmpty, whole.count <= 15 else { return nil }
    let fraction = parts.count == 2 ? parts[1] : []
    guard parts.count == 1 || !fraction.isEmpty, fraction.count <= scale else { return nil }
    var units: Int128 = 0
    for byte in whole + fraction + repeatElement(UInt8(ascii: "0"), count: scale - fraction.count) {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      units = units * 10 + Int128(byte - UInt8(ascii: "0"))
    }
    return (isNegative ? -units : units, fraction.count)
  }
}
