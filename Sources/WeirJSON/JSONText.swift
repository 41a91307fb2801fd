#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Reading and writing the inside of strings.
enum JSONText {
  static func equal(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    guard left.count > 0, let leftBase = left.baseAddress, let rightBase = right.baseAddress else { return left.count == 0 }
    return memcmp(leftBase, rightBase, left.count) == 0
  }

  /// Appends what `raw`, the inside of a string that the scanner accepted, says when unescaped.
  static func appendUnescaped(_ raw: UnsafeBufferPointer<UInt8>, to result: inout [UInt8]) {
    var index = 0
    while index < raw.count {
      var stop = index
      while stop < raw.count, raw[stop] != UInt8(ascii: "\\") { stop += 1 }
      result.append(contentsOf: UnsafeBufferPointer(rebasing: raw[index..<stop]))
      guard stop + 1 < raw.count else { return }
      index = stop + 2
      switch raw[stop + 1] {
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0C)
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "u"): index = appendUnicodeEscape(raw, at: index, to: &result)
      case let byte: result.append(byte)
      }
    }
  }

  /// Appends the character of the escape whose first digit is at `index` and returns the index after it.
  private static func appendUnicodeEscape(_ raw: UnsafeBufferPointer<UInt8>, at index: Int, to result: inout [UInt8]) -> Int {
    guard let unit = hexadecimal(raw, at: index) else { return index }
    var scalar = UInt32(unit)
    var end = index + 4
    if unit & 0xFC00 == 0xD800, let low = hexadecimal(raw, at: index + 6), low & 0xFC00 == 0xDC00 {
      scalar = 0x10000 + (UInt32(unit & 0x3FF) << 10) + UInt32(low & 0x3FF)
      end = index + 10
    }
    appendUTF8(scalar, to: &result)
    return end
  }

  private static func appendUTF8(_ scalar: UInt32, to result: inout [UInt8]) {
    switch scalar {
    case ..<0x80:
      result.append(UInt8(truncatingIfNeeded: scalar))
    case ..<0x800:
      result.append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
      result.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    case ..<0x10000:
      result.append(UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12))
      result.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
      result.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    default:
      result.append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
      result.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F))
      result.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
      result.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    }
  }

  /// The four hexadecimal digits at `index`, or nil where there are no four.
  static func hexadecimal(_ raw: UnsafeBufferPointer<UInt8>, at index: Int) -> UInt16? {
    guard index >= 0, raw.count - index >= 4 else { return nil }
    var unit: UInt16 = 0
    for offset in 0..<4 {
      let digit: UInt8
      switch raw[index + offset] {
      case let byte where byte &- UInt8(ascii: "0") < 10: digit = byte &- UInt8(ascii: "0")
      case let byte where (byte | 0x20) &- UInt8(ascii: "a") < 6: digit = (byte | 0x20) &- UInt8(ascii: "a") &+ 10
      default: return nil
      }
      unit = unit << 4 | UInt16(digit)
    }
    return unit
  }

  /// Appends `text` in quotation marks with the escapes of RFC 8785 §3.2.2.2: only what must be escaped is, in its shortest form.
  static func appendQuoted(_ text: UnsafeBufferPointer<UInt8>, to result: inout [UInt8]) {
    result.append(UInt8(ascii: "\""))
    var copied = 0
    for index in text.indices {
      let byte = text[index]
      guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
      result.append(contentsOf: UnsafeBufferPointer(rebasing: text[copied..<index]))
      appendEscape(of: byte, to: &result)
      copied = index + 1
    }
    result.append(contentsOf: UnsafeBufferPointer(rebasing: text[copied...]))
    result.append(UInt8(ascii: "\""))
  }

  private static func appendEscape(of byte: UInt8, to result: inout [UInt8]) {
    result.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x08: result.append(UInt8(ascii: "b"))
    case 0x09: result.append(UInt8(ascii: "t"))
    case 0x0A: result.append(UInt8(ascii: "n"))
    case 0x0C: result.append(UInt8(ascii: "f"))
    case 0x0D: result.append(UInt8(ascii: "r"))
    case 0x20...: result.append(byte)
    default:
      result.append(contentsOf: "u00".utf8)
      result.append(byte >> 4 == 0 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
      let low = byte & 0xF
      result.append(low < 10 ? UInt8(ascii: "0") &+ low : UInt8(ascii: "a") &+ low &- 10)
    }
  }
}
