internal import WeirCore

/// Tokens that came with one reply: debited there, usable here for a moment.
struct TokenLot: Sendable, Equatable {
  var count: Int
  let from: Moment
  let until: Moment
  /// The number of the change by which they were taken, for what comes back.
  let number: Int64
}
