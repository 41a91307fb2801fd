/// The time limits of one transfer, apart from the connect timeout, which libcurl keeps.
struct TransferDeadlines {
  typealias Instant = ContinuousClock.Instant

  private enum Stage {
    case head
    case body(lastByte: Instant)
    case paused
  }

  private let head: Instant
  private let total: Instant
  private let idleTimeout: Duration
  private var stage = Stage.head

  init(from start: Instant, head: Duration, idle: Duration, total: Duration) {
    self.head = start + Self.bounded(head)
    self.total = start + Self.bounded(total)
    idleTimeout = Self.bounded(idle)
  }

  /// Ten years stand for ever: a duration from outside may be any number, and instants trap on overflow.
  static func bounded(_ duration: Duration) -> Duration {
    min(max(duration, .zero), .seconds(10 * 365 * 86_400))
  }

  /// A bounded duration in milliseconds, rounded up; at most what libcurl and the system take.
  static func milliseconds(_ duration: Duration) -> Int32 {
    let (seconds, attoseconds) = bounded(duration).components
    return Int32(clamping: seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }

  /// The head is complete, or a piece of the body has arrived, or reading goes on after a pause.
  mutating func progressed(at now: Instant) { stage = .body(lastByte: now) }

  /// The consumer is waited for: the server's silence is ours.
  mutating func paused() { stage = .paused }

  private var next: (instant: Instant, phase: HTTPClientError.Phase) {
    let nearest: (instant: Instant, phase: HTTPClientError.Phase) =
      switch stage {
      case .head: (head, .head)
      case .body(let lastByte): (lastByte + idleTimeout, .idle)
      case .paused: (total, .total)
      }
    return nearest.instant <= total ? nearest : (total, .total)
  }

  /// When something runs out next if nothing happens before.
  var earliest: Instant { next.instant }

  /// Which limit has run out.
  func expired(at now: Instant) -> HTTPClientError.Phase? {
    let next = next
    return next.instant <= now ? next.phase : nil
  }
}
