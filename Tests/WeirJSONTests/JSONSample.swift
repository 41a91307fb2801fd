import WeirJSON

/// JSON data as a model that knows equality by itself, so that the canonical form can be held against it.
indirect enum JSONSample: Hashable {
  case null
  case bool(Bool)
  /// mantissa × 10^exponent; the mantissa does not end in 0, and 0 has exponent 0.
  case number(mantissa: Int, exponent: Int)
  case string([Unicode.Scalar])
  case array([JSONSample])
  case object([[Unicode.Scalar]: JSONSample])

  private static let alphabet: [Unicode.Scalar] = ["a", "b", "\"", "\\", "/", "\n", "\u{0}", "é", "\u{301}", "€", "😂", "\u{FFFF}", "\u{E000}"]

  /// From a small world, so that equal ones come up.
  static func random(depth: Int, using generator: inout SeededGenerator) -> JSONSample {
    switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &generator) {
    case 0: return .null
    case 1: return .bool(.random(using: &generator))
    case 2, 3:
      var mantissa = Int.random(in: -12...12, using: &generator)
      if Bool.random(using: &generator) { mantissa = mantissa &* 900_719_925_474_099 &+ Int.random(in: 0...1, using: &generator) }
      var exponent = mantissa == 0 ? 0 : Int.random(in: -25...25, using: &generator)
      while mantissa != 0, mantissa % 10 == 0 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
      return .number(mantissa: mantissa, exponent: exponent)
    case 4, 5: return .string(randomText(using: &generator))
    case 6: return .array((0..<Int.random(in: 0...2, using: &generator)).map { _ in random(depth: depth - 1, using: &generator) })
    default:
      var members: [[Unicode.Scalar]: JSONSample] = [:]
      for _ in 0..<Int.random(in: 0...3, using: &generator) { members[randomText(using: &generator)] = random(depth: depth - 1, using: &generator) }
      return .object(members)
    }
  }

  private static func randomText(using generator: inout SeededGenerator) -> [Unicode.Scalar] {
    (0..<Int.random(in: 0...2, using: &generator)).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
  }

  /// One of the many texts that say this.
  func text(using generator: inout SeededGenerator) -> String {
    let space = ["", "", " ", "\n\t"][Int.random(in: 0..<4, using: &generator)]
    switch self {
    case .null: return space + "null"
    case .bool(let value): return space + (value ? "true" : "false")
    case .number(let mantissa, let exponent): return space + Self.spell(mantissa, exponent, using: &generator)
    case .string(let text): return space + Self.quote(text, using: &generator)
    case .array(let elements): return space + "[" + elements.map { $0.text(using: &generator) }.joined(separator: ",") + space + "]"
    case .object(let members):
      let order = Array(members).shuffled(using: &generator)
      return space + "{" + order.map { Self.quote($0.key, using: &generator) + space + ":" + $0.value.text(using: &generator) }.joined(separator: ",")
        + "}"
    }
  }

  private static func spell(_ mantissa: Int, _ exponent: Int, using generator: inout SeededGenerator) -> String {
    let digits = String(mantissa.magnitude)
    let sign = mantissa < 0 ? "-" : ""
    switch Int.random(in: 0..<4, using: &generator) {
    case 0 where exponent >= 0: return sign + (mantissa == 0 ? "0" : digits + String(repeating: "0", count: exponent))
    case 1 where exponent < 0: return sign + "0." + String(repeating: "0", count: max(0, -exponent - digits.utf8.count)) + fraction(digits, -exponent)
    case 2:
      let zeros = Int.random(in: 0...3, using: &generator)
      return sign + (mantissa == 0 ? "0" : digits + String(repeating: "0", count: zeros)) + "E\(exponent - zeros)"
    default: return sign + digits + ".0" + (exponent < 0 ? "e\(exponent)" : "e+0\(exponent)")
    }
  }

  /// The digits after the point, with what stands before it moved into an exponent.
  private static func fraction(_ digits: String, _ places: Int) -> String {
    digits.utf8.count <= places ? digits : digits + "e\(digits.utf8.count - places)"
  }

  private static func quote(_ text: [Unicode.Scalar], using generator: inout SeededGenerator) -> String {
    var result = "\""
    for scalar in text {
      if Bool.random(using: &generator) || scalar.value < 0x20 || scalar == "\"" || scalar == "\\" {
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16, uppercase: Bool.random(using: &generator))
          result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
        }
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
