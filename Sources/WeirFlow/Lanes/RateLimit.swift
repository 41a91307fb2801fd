/// A rate as a provider states it: `count` requests per `period`, of which `burst` may leave at once.
package struct RateLimit: Hashable, Sendable {
  package static let maximumCount = 1_000_000_000
  package static let maximumPeriod = Duration.seconds(366 * 86_400)

  package let count: Int
  package let period: Duration
  package let burst: Int

  /// In any stretch of time t, no more than `burst + count × t / period` requests leave. That is what GCRA promises; a provider that counts
  /// `count` per sliding window would see up to `burst + count`. For such a provider see `window`.
  /// - Returns: nil where a number is not positive, or over `maximumCount` or `maximumPeriod`.
  package init?(count: Int, period: Duration, burst: Int) {
    guard (1...Self.maximumCount).contains(count), (1...Self.maximumCount).contains(burst) else { return nil }
    guard period >= .microseconds(1), period <= Self.maximumPeriod else { return nil }
    self.count = count
    self.period = period
    self.burst = burst
  }

  /// A limit that never lets more than `count` requests leave in any window of the length `period`, wherever it begins (Azure Cost
  /// Management: 12 per 10 s, 60 per minute, 600 per hour).
  ///
  /// What may leave at once is taken off the steady rate: `burst` at once, and `count - burst + 1` per period in the long run. With a burst
  /// of 1 the whole rate can be used, evenly spaced. The default is an eighth of `count`, at least 1.
  package static func window(_ count: Int, per period: Duration, burst: Int? = nil) -> RateLimit? {
    let burst = burst ?? max(1, count / 8)
    guard count >= 1, (1...count).contains(burst) else { return nil }
    return RateLimit(count: count - burst + 1, period: period, burst: burst)
  }
}
