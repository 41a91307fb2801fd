import NIOCore
import WeirMCP

/// The bytes of an answer.
enum ReplyBody: Sendable {
  /// The answer's own, written at once.
  case whole([UInt8])
  /// Large ones, which are shared by all who get them, and written as fast as their reader takes them.
  case shared(SharedAnswer)

  var count: Int {
    switch self {
    case .whole(let bytes): bytes.count
    case .shared(let answer): answer.count
    }
  }

  /// Takes the next part off; nil at the end.
  mutating func next() -> ByteBuffer? {
    switch self {
    case .whole(let bytes):
      self = .whole([])
      return bytes.isEmpty ? nil : ByteBuffer(bytes: bytes)
    case .shared(var answer):
      defer { self = .shared(answer) }
      return answer.next()
    }
  }

  /// The message as an event of a stream.
  var event: ReplyBody {
    switch self {
    case .whole(let bytes): .whole(ServerSentEventWriter.event(data: bytes, event: "message"))
    case .shared(let answer):
      .shared(SharedAnswer(ServerSentEventWriter.event(pieces: answer.pieces, event: "message"), lease: answer.lease))
    }
  }
}
