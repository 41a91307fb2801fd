/// Cuts standard input into lines, however it arrives. Unlike an upstream's output, a line that is too long ends nothing: the client that sent it is
/// the one who is served. Pure.
struct LineFeed: Sendable {
  enum Line: Sendable, Equatable {
    /// Without its end (LF or CRLF).
    case text([UInt8])
    /// Longer than the limit: its bytes are thrown away as they come.
    case tooLong
  }

  private let limit: Int
  private var rest: [UInt8] = []
  private var isSkipping = false

  init(limit: Int) {
    self.limit = limit
  }

  /// The lines that `bytes` complete, empty ones left out.
  mutating func feed(_ bytes: some Collection<UInt8>) -> [Line] {
    var lines: [Line] = []
    var bytes = bytes[...]
    while let end = bytes.firstIndex(of: 0x0A) {
      take(bytes[..<end])
      if let line = finish() { lines.append(line) }
      bytes = bytes[bytes.index(after: end)...]
    }
    take(bytes)
    return lines
  }

  /// What was begun, at the end of the line or of the input.
  mutating func finish() -> Line? {
    defer {
      rest = []
      isSkipping = false
    }
    if isSkipping { return .tooLong }
    if rest.last == 0x0D { rest.removeLast() }
    return rest.isEmpty ? nil : .text(rest)
  }

  private mutating func take(_ bytes: some Collection<UInt8>) {
    if isSkipping { return }
    guard rest.count + bytes.count <= limit else {
      rest = []
      isSkipping = true
      return
    }
    rest.append(contentsOf: bytes)
  }
}
