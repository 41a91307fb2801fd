package import WeirCore

/// When an entry was born, stops being fresh, and stops being served at all, on this process's monotonic clock.
package struct Lifespan: Sendable, Equatable {
  /// `freshUntil` and `staleUntil` are the first moments at which it is no longer so. `bornAt` may lie before the process's start.
  package var bornAt, freshUntil, staleUntil: Moment

  package init(bornAt: Moment, freshUntil: Moment, staleUntil: Moment) {
    self.bornAt = bornAt
    self.freshUntil = freshUntil
    self.staleUntil = max(freshUntil, staleUntil)
  }

  /// Of an answer that is fetched now. Negative durations count as none.
  package init(from now: Moment, freshFor: Duration, staleFor: Duration) {
    let freshUntil = now + max(.zero, freshFor)
    self.init(bornAt: now, freshUntil: freshUntil, staleUntil: freshUntil + max(.zero, staleFor))
  }

  /// Of an answer that another replica stored and of which the shared store says how long it still keeps it. `asked` is the moment before
  /// the question was sent, so that the time on the way shortens the lifetime and never prolongs it. More than the whole lifetime cannot
  /// remain: whatever says so is cut.
  package init(asked: Moment, remaining: Duration, freshFor: Duration, staleFor: Duration) {
    let fresh = max(.zero, freshFor)
    let stale = max(.zero, staleFor)
    let whole = (Moment.zero + fresh + stale) - .zero
    let left = min(max(.zero, remaining), whole)
    self.init(
      bornAt: asked + (left - whole), freshUntil: asked + (left - stale), staleUntil: asked + left)
  }

  package func isAlive(at now: Moment) -> Bool { now < staleUntil }
  package func isFresh(at now: Moment) -> Bool { now < freshUntil }
}
