/// What becomes of a piece of the body that the driver offers.
enum PieceVerdict: Sendable, Equatable {
  /// It is the consumer's, or held for it together with others: so many bytes are held now.
  case taken(buffered: Int)
  /// No room: offer it again when the mailbox says `resume`.
  case pause
  /// Nobody wants it any more.
  case gone
}
