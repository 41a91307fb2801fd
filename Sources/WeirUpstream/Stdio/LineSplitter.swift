/// Cuts a stream of bytes into lines, however it arrives. Pure.
struct LineSplitter {
  /// A line is longer than allowed.
  struct TooLong: Error, Equatable { let limit: Int }

  private let limit: Int
  private var rest: [UInt8] = []

  init(limit: Int) {
    self.limit = limit
  }

  /// The lines that `bytes` complete, without their ends (LF or CRLF), empty ones left out.
  mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(TooLong) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var start = 0
    while let end = bytes[start...].firstIndex(of: 0x0A) {
      guard rest.count + (end - start) <= limit else { throw TooLong(limit: limit) }
      rest.append(contentsOf: bytes[start..<end])
      if rest.last == 0x0D { rest.removeLast() }
      if !rest.isEmpty { lines.append(rest) }
      rest = []
      start = end + 1
    }
    guard rest.count + (bytes.count - start) <= limit else { throw TooLong(limit: limit) }
    rest.append(contentsOf: bytes[start...])
    return lines
  }

  /// What was begun and never ended, at the end of the stream.
  mutating func finish() -> [UInt8]? {
    defer { rest = [] }
    return rest.isEmpty ? nil : rest
  }
}
