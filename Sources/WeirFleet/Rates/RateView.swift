internal import WeirCore
internal import WeirFlow

/// What a replica remembers of the shared state, by its own clock: for estimates, and to tell a Redis that forgot.
struct RateView: Sendable {
  /// When each window is full again: not before this.
  let fullAt: [Moment]
  /// The time that reply and request took: how much later it may be.
  let uncertainty: Duration
  let pace: Int
  let pausedUntil: Moment?
  let streak: Int

  init(_ reply: RateReply, sentAt: Moment, now: Moment) {
    fullAt = reply.missing.map { sentAt + .microseconds($0) }
    uncertainty = now - sentAt
    pace = reply.pace
    pausedUntil = reply.pause > 0 ? now + .microseconds(reply.pause) : nil
    streak = reply.streak
  }

  /// Microseconds from `now` until a window is full again, at most.
  func missing(_ index: Int, now: Moment) -> Int {
    guard fullAt.indices.contains(index) else { return 0 }
    return max(0, Int((fullAt[index] + uncertainty - now).microseconds))
  }

  /// When `tokens` could leave, if nobody else takes any.
  func earliest(_ tokens: Int, _ limits: [RateLimit], now: Moment) -> Moment {
    var at = max(now, pausedUntil ?? now)
    for (limit, full) in zip(limits, fullAt) {
      at = max(at, max(full, now) + Self.time(of: tokens - limit.burst, limit, pace))
    }
    return at
  }

  /// How many are in a window now.
  func available(_ index: Int, of limit: RateLimit, now: Moment) -> Int {
    guard fullAt.indices.contains(index), (pausedUntil ?? now) <= now else { return 0 }
    let interval = limit.period.inSeconds * Double(pace) / Double(GCRA.fullPace) / Double(limit.count)
    let missing = (max(.zero, fullAt[index] - now).inSeconds / interval).rounded(.up)
    return max(0, limit.burst - Int(min(missing, Double(limit.burst))))
  }

  /// The time in which so many tokens come; negative for a negative number.
  private static func time(of tokens: Int, _ limit: RateLimit, _ pace: Int) -> Duration {
    let nanoseconds = Int128(limit.period.saturatedNanoseconds) * Int128(tokens) / Int128(limit.count) * Int128(pace) / Int128(GCRA.fullPace)
    return .nanoseconds(Int64(clamping: nanoseconds))
  }
}
