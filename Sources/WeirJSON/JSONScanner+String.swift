extension JSONScanner {
  /// Scans the string whose quotation mark is at `position`; says whether it has escapes.
  @inline(__always)
  mutating func scanString() throws(JSONError) -> Bool {
    let start = position
    var escaped = false
    position &+= 1
    while true {
      skipPlainBytes()
      let byte = try current()
      switch byte {
      case UInt8(ascii: "\""):
        position &+= 1
        append(.string, from: start, escaped: escaped)
        return escaped
      case UInt8(ascii: "\\"):
        escaped = true
        try scanEscape()
      case ..<0x20:
        throw failure(.controlCharacter, at: position, "a control character stands unescaped in a string at byte \(position)")
      default:
        try scanMultibyte(byte)
      }
    }
  }

  /// Moves to the next byte of a string that wants a decision: a quotation mark, a backslash, a control character or a byte above ASCII.
  @inline(__always)
  private mutating func skipPlainBytes() {
    let raw = UnsafeRawBufferPointer(input)
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    while position &+ 8 <= raw.count {
      let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      let quote = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
      let backslash = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
      // A byte becomes zero where it is wanted; `(x - 1) & ~x` has its high bit there. Bits above the lowest hit may be false: only it counts.
      let hits = (((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- (ones &* 0x20)) & ~word) | word) & highs
      if hits != 0 {
        position &+= hits.trailingZeroBitCount >> 3
        return
      }
      position &+= 8
    }
    while position < input.count {
      let byte = input[position]
      guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return }
      position &+= 1
    }
  }

  private mutating func scanEscape() throws(JSONError) {
    let start = position
    position &+= 1
    switch try current() {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"),
      UInt8(ascii: "t"):
      position &+= 1
    case UInt8(ascii: "u"):
      position &+= 1
      try scanUnicodeEscape(start)
    default:
      throw failure(.invalidEscape, at: start, "the escape at byte \(start) is none that JSON has")
    }
  }

  private mutating func scanUnicodeEscape(_ start: Int) throws(JSONError) {
    let unit = try scanCodeUnit(start)
    guard unit & 0xF800 == 0xD800 else { return }
    guard unit & 0xFC00 == 0xD800 else { throw loneSurrogate(start) }
    guard try current() == UInt8(ascii: "\\") else { throw loneSurrogate(start) }
    position &+= 1
    guard try current() == UInt8(ascii: "u") else { throw loneSurrogate(start) }
    position &+= 1
    guard try scanCodeUnit(position - 2) & 0xFC00 == 0xDC00 else { throw loneSurrogate(start) }
  }

  private mutating func scanCodeUnit(_ start: Int) throws(JSONError) -> UInt16 {
    guard let unit = JSONText.hexadecimal(input, at: position) else {
      if input.count - position < 4 { throw failure(.unexpectedEnd, at: input.count, "the document ends too early, after \(input.count) bytes") }
      throw failure(.invalidEscape, at: start, "the escape at byte \(start) lacks its four hexadecimal digits")
    }
    position &+= 4
    return unit
  }

  private func loneSurrogate(_ start: Int) -> JSONError {
    failure(.loneSurrogate, at: start, "the escape at byte \(start) is half a surrogate pair")
  }

  /// One character of two to four bytes, well-formed by table 3-7 of the Unicode standard.
  @inline(__always)
  private mutating func scanMultibyte(_ lead: UInt8) throws(JSONError) {
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch lead {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: length = 4
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: throw invalidUTF8()
    }
    guard input.count - position >= length, second.contains(input[position + 1]) else { throw invalidUTF8() }
    if length > 2, input[position + 2] & 0xC0 != 0x80 { throw invalidUTF8() }
    if length > 3, input[position + 3] & 0xC0 != 0x80 { throw invalidUTF8() }
    position &+= length
  }

  private func invalidUTF8() -> JSONError {
    failure(.invalidUTF8, at: position, "a string is not well-formed UTF-8 at byte \(position)")
  }
}
