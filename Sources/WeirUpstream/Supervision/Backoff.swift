/// The delays between failed attempts: doubled each time up to a bound, moved at random into the upper half so that many do not retry at once.
package struct Backoff: Sendable {
  private let bounds: ClosedRange<Duration>
  private var failures = 0

  package init(_ bounds: ClosedRange<Duration>) {
    self.bounds = bounds
  }

  /// The delay after one more failure. `random` is in 0..<1.
  package mutating func next(random: Double) -> Duration {
    let doubled = bounds.lowerBound * (1 << min(failures, 20))
    failures += 1
    return min(doubled, bounds.upperBound) * (0.5 + random / 2)
  }

  /// After success, the next failure starts over.
  package mutating func reset() { failures = 0 }
}
