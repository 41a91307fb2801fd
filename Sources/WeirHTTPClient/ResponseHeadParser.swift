/// Builds the head of the final response from the header lines as libcurl hands them over: one whole line a call, the empty line too.
/// Interim responses (1xx) are skipped, trailers are counted and dropped; all of them share the limits.
struct ResponseHeadParser {
  private enum Stage {
    case statusLine
    case fields(status: Int)
    case complete
  }

  private let maxFields: Int
  private let maxBytes: Int
  private var fieldCount = 0
  private var byteCount = 0
  private var stage = Stage.statusLine
  private var fields: [(name: String, value: String)] = []

  init(maxFields: Int, maxBytes: Int) {
    self.maxFields = maxFields
    self.maxBytes = maxBytes
  }

  /// - Returns: the head, with the empty line that completes it.
  mutating func feed(_ line: some BidirectionalCollection<UInt8>) throws(HTTPClientError) -> HTTPResponseHead? {
    byteCount += line.count
    guard byteCount <= maxBytes else {
      throw HTTPClientError(.headTooLarge, "the response head is longer than \(maxBytes) bytes")
    }
    let content = Self.withoutLineEnd(line)
    guard content.allSatisfy({ $0 != 0x00 && $0 != 0x0D && $0 != 0x0A }) else {
      throw HTTPClientError(.protocolError, "the response head holds a NUL, CR or LF inside a line")
    }
    switch stage {
    case .statusLine:
      stage = .fields(status: try Self.status(content))
    case .fields(let status):
      guard content.isEmpty else {
        try take(content)
        return nil
      }
      return end(status: status)
    case .complete:
      if !content.isEmpty { try count() }
    }
    return nil
  }

  private mutating func end(status: Int) -> HTTPResponseHead? {
    defer { fields = [] }
    guard status >= 200 else {
      stage = .statusLine
      return nil
    }
    stage = .complete
    return HTTPResponseHead(status: status, headers: HTTPHeaders(fields))
  }

  private mutating func count() throws(HTTPClientError) {
    fieldCount += 1
    guard fieldCount <= maxFields else {
      throw HTTPClientError(.headTooLarge, "the response head has more than \(maxFields) fields")
    }
  }

  private mutating func take(_ line: some BidirectionalCollection<UInt8>) throws(HTTPClientError) {
    if let first = line.first, Self.isBlank(first) { return try fold(line) }
    try count()
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
      throw HTTPClientError(.protocolError, "a line of the response head has no colon")
    }
    let name = line[..<colon]
    guard !name.isEmpty, name.allSatisfy(HTTPRequest.isTokenByte) else {
      throw HTTPClientError(.protocolError, "a field name of the response head is not a token (RFC 9110 §5.1)")
    }
    fields.append((String(decoding: name, as: UTF8.self), Self.text(line[line.index(after: colon)...])))
  }

  /// A line that continues the one before: obsolete, and one space to whoever reads it (RFC 9112 §5.2).
  private mutating func fold(_ line: some BidirectionalCollection<UInt8>) throws(HTTPClientError) {
    guard let last = fields.indices.last else {
      throw HTTPClientError(.protocolError, "the response head begins with a continued line")
    }
    fields[last].value += " " + Self.text(line)
  }

  private static func status(_ line: some Collection<UInt8>) throws(HTTPClientError) -> Int {
    let bytes = Array(line.prefix(13))
    let digits = bytes.dropFirst(9).prefix(3)
    guard bytes.starts(with: "HTTP/1.".utf8), bytes.count >= 12, bytes[8] == 0x20, bytes.count == 12 || bytes[12] == 0x20,
      digits.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains), digits.first != UInt8(ascii: "0")
    else { throw HTTPClientError(.protocolError, "the server's answer does not begin with an HTTP/1 status line") }
    return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }

  private static func withoutLineEnd<Line: BidirectionalCollection<UInt8>>(_ line: Line) -> Line.SubSequence {
    var content = line[...]
    if content.last == 0x0A { content = content.dropLast() }
    if content.last == 0x0D { content = content.dropLast() }
    return content
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  private static func text(_ bytes: some BidirectionalCollection<UInt8>) -> String {
    let front = bytes.drop(while: isBlank)
    guard let last = front.lastIndex(where: { !isBlank($0) }) else { return "" }
    return String(decoding: front[...last], as: UTF8.self)
  }
}
