package import NIOCore

/// How long to wait before the next attempt to connect: doubling, with jitter, starting over once a connection has lasted.
package struct ReconnectBackoff: Sendable {
  private let shortest: TimeAmount
  let longest: TimeAmount
  private var current: TimeAmount

  package init(shortest: TimeAmount = .milliseconds(50), longest: TimeAmount = .seconds(2)) {
    self.shortest = shortest
    self.longest = longest
    current = shortest
  }

  /// The next delay: between half of the current step and all of it. `jitter` is a random number from 0 to 1.
  package mutating func next(jitter: Double) -> TimeAmount {
    let step = Double(current.nanoseconds)
    current = min(.nanoseconds(current.nanoseconds * 2), longest)
    return .nanoseconds(Int64(step * (0.5 + 0.5 * min(max(jitter, 0), 1))))
  }

  /// Told how long a connection was up. One that ended sooner than the longest delay does not start the doubling over: a server that accepts
  /// and drops must not be called in a tight loop.
  package mutating func connectionLasted(_ time: TimeAmount) {
    if time >= longest { current = shortest }
  }
}
