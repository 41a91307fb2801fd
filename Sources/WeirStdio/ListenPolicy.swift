import WeirUpstream

/// How one attempt to hear what the server says unasked came to its end.
enum ListenOutcome: Sendable, Equatable {
  /// The stream was open; `retry` is the pause in milliseconds that it asked for.
  case ended(hasHeard: Bool, retry: Int?)
  case refused(status: Int)
  /// There was no connection.
  case failed
}

/// What follows the end of the stream of `GET`. Pure.
struct ListenPolicy: Sendable {
  enum Step: Sendable, Equatable {
    case again(after: Duration)
    /// The server does not know the session any more.
    case sessionLost
    /// The server offers no such stream.
    case stop
  }

  private var backoff = Backoff(.seconds(1) ... .seconds(30))
  private var wasOpen = false

  /// `random` is in 0..<1.
  mutating func next(after outcome: ListenOutcome, random: Double) -> Step {
    switch outcome {
    case .ended(let hasHeard, let retry):
      wasOpen = true
      if hasHeard { backoff.reset() }
      // A server that closes a stream to save a connection says when to come back (2025-11-25, transports).
      if let retry { return .again(after: .milliseconds(min(max(retry, 100), 300_000))) }
    case .refused(404) where wasOpen: return .sessionLost
    // 409: the server has not noticed yet that the stream before is gone.
    case .refused(let status) where status < 500 && ![408, 409, 429].contains(status): return .stop
    case .refused, .failed: break
    }
    return .again(after: backoff.next(random: random))
  }
}
