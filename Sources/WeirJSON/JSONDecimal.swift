/// The exact decimal value of a number's text, kept as the places of its digits: ±0.d₁d₂…dₖ × 10^point, where neither d₁ nor dₖ is 0.
struct JSONDecimal {
  private let text: ArraySlice<UInt8>
  let isNegative: Bool
  /// The index of d₁ and its distance to the index after dₖ, both in `text` without the decimal point; no digits mean 0.
  private let first: Int
  let digits: Int
  /// Where the decimal point stands, counted from d₁; ECMAScript calls it n (Number::toString).
  let point: Int
  private let integerEnd: Int

  /// Exponents beyond this are refused: their numbers have a value, but no sender means it, and their sums would overflow.
  private static let maxExponent = 1_000_000_000_000_000

  /// Nil where the exponent is out of range. `text` must be a number that the scanner accepted.
  init?(_ text: ArraySlice<UInt8>) {
    self.text = text
    var index = text.startIndex
    isNegative = index < text.endIndex && text[index] == UInt8(ascii: "-")
    if isNegative { index += 1 }
    let start = index
    while index < text.endIndex, Self.isDigit(text[index]) { index += 1 }
    let pointIndex = index
    integerEnd = pointIndex
    var mantissaEnd = index
    if index < text.endIndex, text[index] == UInt8(ascii: ".") {
      index += 1
      while index < text.endIndex, Self.isDigit(text[index]) { index += 1 }
      mantissaEnd = index
    }
    // Indices into the text with the point taken out: what stands after it moves one to the left.
    let hasPoint = mantissaEnd > pointIndex
    func digit(_ position: Int) -> UInt8 { text[position < pointIndex ? position : position + 1] }
    var low = start
    var high = hasPoint ? mantissaEnd - 1 : mantissaEnd
    while low < high, digit(low) == UInt8(ascii: "0") { low += 1 }
    while high > low, digit(high - 1) == UInt8(ascii: "0") { high -= 1 }
    first = low
    digits = high - low
    guard digits > 0 else {
      point = 0
      return
    }
    guard let exponent = Self.exponent(text[mantissaEnd...]) else { return nil }
    point = pointIndex - low + exponent
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  /// The value of `e±123`, 0 of nothing, nil out of range.
  private static func exponent(_ text: ArraySlice<UInt8>) -> Int? {
    var negative = false
    var value = 0
    for byte in text.dropFirst() {
      if byte == UInt8(ascii: "-") {
        negative = true
      } else if isDigit(byte) {
        value = value * 10 + Int(byte &- UInt8(ascii: "0"))
        guard value <= maxExponent else { return nil }
      }
    }
    return negative ? -value : value
  }

  private func digit(_ position: Int) -> UInt8 {
    let index = first + position
    return text[index < integerEnd ? index : index + 1]
  }

  private func append(_ range: Range<Int>, to result: inout [UInt8]) {
    for position in range { result.append(digit(position)) }
  }

  /// The value as an integer, where it is one that fits.
  var int: Int? {
    guard digits > 0 else { return 0 }
    guard digits <= point, point <= 19 else { return nil }
    var value = 0
    for position in 0..<point {
      let next = position < digits ? Int(digit(position) &- UInt8(ascii: "0")) : 0
      let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = isNegative ? tenfold.subtractingReportingOverflow(next) : tenfold.addingReportingOverflow(next)
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value
  }

  /// Appends the layout of ECMAScript's Number::toString (RFC 8785 §3.2.2.3), with every digit of the exact value.
  func appendCanonical(to result: inout [UInt8]) {
    guard digits > 0 else { return result.append(UInt8(ascii: "0")) }
    if isNegative { result.append(UInt8(ascii: "-")) }
    if point > 21 || point < -5 { return appendScientific(to: &result) }
    if point <= 0 {
      result.append(contentsOf: "0.".utf8)
      result.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: -point))
      return append(0..<digits, to: &result)
    }
    if digits <= point {
      append(0..<digits, to: &result)
      return result.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: point - digits))
    }
    append(0..<point, to: &result)
    result.append(UInt8(ascii: "."))
    append(point..<digits, to: &result)
  }

  private func appendScientific(to result: inout [UInt8]) {
    result.append(digit(0))
    if digits > 1 {
      result.append(UInt8(ascii: "."))
      append(1..<digits, to: &result)
    }
    let exponent = point - 1
    result.append(contentsOf: (exponent < 0 ? "e" : "e+").utf8)
    result.append(contentsOf: String(exponent).utf8)
  }
}
