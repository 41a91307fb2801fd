/// RFC 4648 §4: the standard alphabet, padded.
package enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  package static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    var group: UInt32 = 0
    var held = 0
    func flush(_ characters: Int) {
      for place in 0..<characters { result.append(alphabet[Int(group >> (18 - 6 * UInt32(place)) & 0x3F)]) }
    }
    for byte in bytes {
      group |= UInt32(byte) << (16 - 8 * UInt32(held))
      held += 1
      if held == 3 {
        flush(4)
        group = 0
        held = 0
      }
    }
    if held > 0 {
      flush(held + 1)
      result.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - held))
    }
    return result
  }

  /// Nil for anything that `encode` does not write: foreign characters, missing padding, bits set under the padding.
  package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    let characters = text.prefix(while: { $0 != UInt8(ascii: "=") })
    let padding = text.count - characters.count
    guard padding <= 2, text.suffix(padding).allSatisfy({ $0 == UInt8(ascii: "=") }) else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(text.count / 4 * 3)
    var bits: UInt32 = 0
    var held = 0
    for character in characters {
      guard let digit = digit(character) else { return nil }
      bits = bits << 6 | digit
      held += 6
      if held >= 8 {
        held -= 8
        result.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
        bits &= (1 << UInt32(held)) - 1
      }
    }
    return bits == 0 ? result : nil
  }

  private static func digit(_ character: UInt8) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
