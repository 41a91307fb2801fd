/// Finds URLs in a line: a scheme, `://`, and what follows up to a space, a quotation mark or a parenthesis.
enum URLScanner {
  private static let mark = Array("://".utf8)
  private static let ends = Array(" \t\r\n\"'`<>(){}|\\".utf8)

  /// The line with every URL replaced by `(URL)`: addresses of upstreams, and what their queries may hold, are nobody else's business.
  static func withoutURLs(_ line: String) -> String {
    let text = Array(line.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < text.count {
      guard text[index] == UInt8(ascii: ":"), text[index...].starts(with: mark), let scheme = schemeStart(in: result) else {
        result.append(text[index])
        index += 1
        continue
      }
      result.replaceSubrange(scheme..., with: "(URL)".utf8)
      while index < text.count, !ends.contains(text[index]) { index += 1 }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Where the letters, digits and signs at the end of what was written begin to be a scheme (RFC 3986 §3.1).
  private static func schemeStart(in written: [UInt8]) -> Int? {
    var start = written.endIndex
    while start > written.startIndex, isSchemeByte(written[start - 1]) { start -= 1 }
    return start < written.endIndex ? start : nil
  }

  private static func isSchemeByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
    case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
    default: false
    }
  }
}
