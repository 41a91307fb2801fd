import NIOCore

/// A request as the server saw it.
struct ReceivedRequest: Sendable {
  /// The request line and the header lines, without their ends.
  let lines: [String]
  let body: [UInt8]
  /// 0 for the first request on its connection.
  let number: Int

  var line: String { lines.first ?? "" }

  /// The values of a field, in order.
  func values(of name: String) -> [String] {
    lines.dropFirst().compactMap { line in
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0].lowercased() == name.lowercased() else { return nil }
      return String(parts[1].drop { $0 == " " })
    }
  }

  /// Takes one request off the front of what has arrived, if it is all there.
  static func take(from buffer: inout ByteBuffer, number: Int) -> ReceivedRequest? {
    let bytes = buffer.readableBytesView
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
    let lines = head.split(separator: "\r\n").map(String.init)
    let draft = ReceivedRequest(lines: lines, body: [], number: number)
    let length = draft.values(of: "content-length").first.flatMap { Int($0) } ?? 0
    guard bytes.endIndex - end.upperBound >= length else { return nil }
    let body = Array(bytes[end.upperBound..<(end.upperBound + length)])
    buffer.moveReaderIndex(forwardBy: end.upperBound - bytes.startIndex + length)
    return ReceivedRequest(lines: lines, body: body, number: number)
  }
}
