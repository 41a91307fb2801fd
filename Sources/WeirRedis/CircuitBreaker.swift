package import NIOCore

/// Stops asking a server that does not answer, so that callers go on at once without it.
///
/// Closed, it lets everything through and counts. `consecutiveFailures` in a row, or `failureShare` of at least `minimumSample` outcomes
/// within `window`, open it. Open, it lets nothing through until its pause has passed; then one probe may go (half-open), whose outcome
/// closes it or opens it again for twice as long.
package struct CircuitBreaker: Sendable {
  package struct Settings: Sendable, Hashable {
    /// Default 5.
    package var consecutiveFailures = 5
    /// Default 20.
    package var minimumSample = 20
    /// Between 0 and 1. Default 0.5.
    package var failureShare = 0.5
    /// Default 2 s.
    package var window: Duration = .seconds(2)
    /// Default 500 ms.
    package var shortestPause: Duration = .milliseconds(500)
    /// Default 10 s.
    package var longestPause: Duration = .seconds(10)

    package init() {}
  }

  package enum State: Sendable, Hashable {
    case closed
    /// Nothing goes before `until`; then a probe.
    case open(until: NIODeadline)
    /// A probe is out.
    case halfOpen
  }

  private struct Bucket {
    var number: Int64 = -1
    var successes = 0
    var failures = 0
  }

  private static let bucketCount = 8
  package private(set) var state = State.closed
  private let settings: Settings
  private var inARow = 0
  private var buckets = [Bucket](repeating: Bucket(), count: bucketCount)
  private var pause: TimeAmount

  package init(settings: Settings = Settings()) {
    self.settings = settings
    pause = TimeAmount(settings.shortestPause)
  }

  /// Whether a command may be sent.
  package var isClosed: Bool { state == .closed }

  /// A command was answered.
  package mutating func succeeded(at now: NIODeadline) {
    guard isClosed else { return }
    inARow = 0
    buckets[bucket(at: now)].successes += 1
  }

  /// A command failed in a way that speaks of the server. `jitter` is a random number from 0 to 1.
  /// - Returns: True where this opened the breaker.
  package mutating func failed(at now: NIODeadline, jitter: Double) -> Bool {
    guard isClosed else { return false }
    inARow += 1
    let current = bucket(at: now)
    buckets[current].failures += 1
    let oldest = buckets[current].number - Int64(Self.bucketCount) + 1
    let recent = buckets.filter { $0.number >= oldest }
    let failures = recent.reduce(0) { $0 + $1.failures }
    let outcomes = recent.reduce(failures) { $0 + $1.successes }
    let tooMany = outcomes >= settings.minimumSample && Double(failures) >= settings.failureShare * Double(outcomes)
    guard inARow >= settings.consecutiveFailures || tooMany else { return false }
    pause = TimeAmount(settings.shortestPause)
    open(at: now, jitter: jitter)
    return true
  }

  /// Asks for the one probe. `early` is for when there is fresh reason to believe that the server is back, such as a new connection.
  package mutating func beginProbe(at now: NIODeadline, early: Bool = false) -> Bool {
    guard case .open(let until) = state, early || now >= until else { return false }
    state = .halfOpen
    return true
  }

  /// The probe was answered: everything goes again.
  package mutating func probeSucceeded() {
    guard state == .halfOpen else { return }
    state = .closed
    inARow = 0
    buckets = [Bucket](repeating: Bucket(), count: Self.bucketCount)
  }

  /// The probe failed: open again, twice as long.
  package mutating func probeFailed(at now: NIODeadline, jitter: Double) {
    guard state == .halfOpen else { return }
    pause = min(.nanoseconds(pause.nanoseconds * 2), TimeAmount(settings.longestPause))
    open(at: now, jitter: jitter)
  }

  /// The pause, less up to a fifth of it, so that replicas do not probe in step.
  private mutating func open(at now: NIODeadline, jitter: Double) {
    let shortened = Double(pause.nanoseconds) * (1 - 0.2 * min(max(jitter, 0), 1))
    state = .open(until: now + .nanoseconds(Int64(shortened)))
  }

  private mutating func bucket(at now: NIODeadline) -> Int {
    let number = Int64(clamping: now.uptimeNanoseconds) / max(1, TimeAmount(settings.window).nanoseconds / Int64(Self.bucketCount))
    let index = Int(number % Int64(Self.bucketCount))
    if buckets[index].number != number { buckets[index] = Bucket(number: number) }
    return index
  }
}
