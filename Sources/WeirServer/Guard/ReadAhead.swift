import NIOCore
import NIOHTTP1

/// Parts of requests that came while another was being answered, in order, and what they weigh.
struct ReadAhead {
  private var parts: [HTTPServerRequestPart] = []
  private var next = 0
  private(set) var bytes = 0

  /// What a part weighs beside its bytes.
  static let partBytes = 64

  var isEmpty: Bool { next == parts.count }

  mutating func append(_ part: HTTPServerRequestPart) {
    parts.append(part)
    bytes += Self.weight(part)
  }

  mutating func popFirst() -> HTTPServerRequestPart? {
    guard next < parts.count else { return nil }
    let part = parts[next]
    next += 1
    bytes -= Self.weight(part)
    if next == parts.count {
      parts = []
      next = 0
    }
    return part
  }

  private static func weight(_ part: HTTPServerRequestPart) -> Int {
    switch part {
    case .head(let head): head.headers.reduce(partBytes + head.uri.utf8.count) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    case .body(let buffer): partBytes + buffer.readableBytes
    case .end(let trailers): (trailers ?? [:]).reduce(partBytes) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    }
  }
}
