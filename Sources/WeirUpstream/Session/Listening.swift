import WeirCore

/// What a modern server was asked to tell unasked, and when it is asked again after it has ended that. Pure.
struct Listening: Sendable {
  /// The request, until the server has ended it.
  private(set) var id: Int?
  var isAcknowledged = false
  /// When it is asked for again.
  var again: Moment?
  private var lastEnd: Moment?
  private var backoff = Backoff(.seconds(2) ... .seconds(60))

  mutating func began(_ request: Int) { (id, isAcknowledged) = (request, false) }

  /// The server has no such method, or will not: it is asked again when other resources are watched.
  mutating func refused() { isAcknowledged = true }

  /// Who ends it without having begun refuses. Who ends it again and again is asked less and less.
  mutating func ended(now: Moment) {
    guard isAcknowledged else { return refused() }
    if let lastEnd, now - lastEnd > .seconds(120) { backoff.reset() }
    (id, isAcknowledged, lastEnd) = (nil, false, now)
    again = now + backoff.next(random: 0)
  }
}
