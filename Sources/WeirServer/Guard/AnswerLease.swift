/// Room that a large answer has in memory, given back when the last who holds this lets go.
final class AnswerLease: Sendable {
  let id: AnswerBook.LeaseID
  /// Held, so that their address stays theirs: by it they are known.
  private let bytes: [UInt8]
  private let table: ConnectionTable

  init(_ id: AnswerBook.LeaseID, of bytes: [UInt8], in table: ConnectionTable) {
    self.id = id
    self.bytes = bytes
    self.table = table
  }

  deinit { table.end(id) }
}
