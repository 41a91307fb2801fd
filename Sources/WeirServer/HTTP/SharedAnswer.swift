import NIOCore

/// An answer whose large pieces are the bytes that other answers have, too. It is copied part by part, into what is about to be written.
struct SharedAnswer: Sendable {
  /// What is still to be written.
  private(set) var pieces: [ArraySlice<UInt8>]
  /// The bytes of all of it.
  let count: Int
  /// Keeps the shared bytes counted for as long as anybody may write them.
  let lease: AnswerLease

  init(_ pieces: [ArraySlice<UInt8>], lease: AnswerLease) {
    self.pieces = pieces.filter { !$0.isEmpty }
    self.lease = lease
    count = pieces.reduce(0) { $0 + $1.count }
  }

  /// The largest part: as much as a channel takes before it says that it is full.
  static let partBytes = 64 * 1024

  var isEmpty: Bool { pieces.isEmpty }

  /// Takes the next part off; nil at the end.
  mutating func next() -> ByteBuffer? {
    guard !pieces.isEmpty else { return nil }
    var part = ByteBuffer()
    part.reserveCapacity(Self.partBytes)
    while let piece = pieces.first, part.readableBytes < Self.partBytes {
      let taken = piece.prefix(Self.partBytes - part.readableBytes)
      part.writeBytes(taken)
      if taken.count == piece.count { pieces.removeFirst() } else { pieces[0] = piece.dropFirst(taken.count) }
    }
    return part
  }
}
