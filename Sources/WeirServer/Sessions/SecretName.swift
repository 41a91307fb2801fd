import WeirCore

/// Names that nobody can guess.
enum SecretName {
  /// 256 bits from the system's generator, as hexadecimal digits.
  static func make() -> Name {
    var generator = SystemRandomNumberGenerator()
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for _ in 0..<4 {
      let number: UInt64 = generator.next()
      for shift in stride(from: 60, through: 0, by: -4) { text.append(digits[Int((number >> UInt64(shift)) & 15)]) }
    }
    return Name(String(decoding: text, as: UTF8.self))
  }
}
