#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// JSON text in one line. stdio ends a message at a newline, and an event stream would need one field per line.
package enum SingleLine {
  /// JSON text with line breaks turned into spaces.
  package static func text(_ text: some Collection<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    append(text, to: &result)
    return result
  }

  /// Appends JSON text with line breaks turned into spaces: in JSON they can stand only between tokens.
  static func append(_ text: some Collection<UInt8>, to result: inout [UInt8]) {
    let start = result.count
    result.append(contentsOf: text)
    replaceBreaks(in: &result, from: start)
  }

  static func replaceBreaks(in bytes: inout [UInt8], from start: Int) {
    guard hasBreak(bytes, from: start) else { return }
    for index in start..<bytes.count where bytes[index] == 0x0A || bytes[index] == 0x0D { bytes[index] = 0x20 }
  }

  private static func hasBreak(_ bytes: [UInt8], from start: Int) -> Bool {
    bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress, start < buffer.count else { return false }
      return memchr(base + start, 0x0A, buffer.count - start) != nil || memchr(base + start, 0x0D, buffer.count - start) != nil
    }
  }
}
