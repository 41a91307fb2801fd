/// Cuts a stream of bytes into lines for a log, however it arrives. A line that is too long is left out as a whole, to its end, and no other. Pure.
struct LogLineSplitter {
  private let limit: Int
  private var rest: [UInt8] = []
  private var isSkipping = false
  /// Lines left out.
  private(set) var skipped = 0

  init(limit: Int) {
    self.limit = limit
  }

  /// The lines that `bytes` complete, without their ends (LF or CRLF), empty ones left out.
  mutating func feed(_ bytes: UnsafeRawBufferPointer) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var start = 0
    while let end = bytes[start...].firstIndex(of: 0x0A) {
      take(bytes[start..<end])
      if rest.last == 0x0D { rest.removeLast() }
      if !rest.isEmpty { lines.append(rest) }
      rest = []
      isSkipping = false
      start = end + 1
    }
    take(bytes[start...])
    return lines
  }

  /// What was begun and never ended, at the end of the stream.
  mutating func finish() -> [UInt8]? {
    defer { rest = [] }
    return rest.isEmpty ? nil : rest
  }

  private mutating func take(_ part: Slice<UnsafeRawBufferPointer>) {
    guard !isSkipping else { return }
    guard rest.count + part.count <= limit else {
      rest = []
      isSkipping = true
      skipped += 1
      return
    }
    rest.append(contentsOf: part)
  }
}
