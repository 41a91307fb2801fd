package import NIOCore

/// When to look again at who is where: regularly, sooner where there is reason to, never more often than `shortest`, and ever more seldom while
/// nobody answers.
package struct RefreshGate: Sendable {
  private let shortest: TimeAmount
  private let regular: TimeAmount
  private var backoff: ReconnectBackoff
  private var earliest = NIODeadline.uptimeNanoseconds(0)
  private var regularly = NIODeadline.uptimeNanoseconds(0)
  private var isRequested = false

  /// The first one is due at once.
  package init(shortest: TimeAmount = .milliseconds(500), regular: TimeAmount = .seconds(30), longestPause: TimeAmount = .seconds(5)) {
    self.shortest = shortest
    self.regular = regular
    backoff = ReconnectBackoff(shortest: shortest, longest: longestPause)
  }

  /// There is reason to look.
  /// - Returns: True where that is news.
  package mutating func request() -> Bool {
    defer { isRequested = true }
    return !isRequested
  }

  /// When the next one is due.
  package var due: NIODeadline { isRequested ? min(earliest, regularly) : regularly }

  /// One begins now: what is requested from now on wants another one.
  package mutating func begin() {
    isRequested = false
  }

  /// It has ended. `jitter` is a random number from 0 to 1, so that replicas do not ask in step.
  package mutating func end(at now: NIODeadline, succeeded: Bool, jitter: Double) {
    if succeeded {
      backoff = ReconnectBackoff(shortest: shortest, longest: backoff.longest)
      earliest = now + shortest
      regularly = now + .nanoseconds(Int64(Double(regular.nanoseconds) * (0.9 + 0.2 * min(max(jitter, 0), 1))))
    } else {
      earliest = now + backoff.next(jitter: jitter)
      regularly = earliest
    }
  }
}
