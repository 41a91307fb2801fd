internal import Synchronization

/// A number that only grows. Adding is one relaxed atomic operation and allocates nothing.
package final class Counter: Sendable {
  private let value = Atomic<Int64>(0)

  package init() {}

  package func add(_ amount: Int64 = 1) {
    value.wrappingAdd(amount, ordering: .relaxed)
  }

  package var current: Int64 { value.load(ordering: .relaxed) }
}

/// Counts of observations in fixed buckets, their sum in nanoseconds and their number (Prometheus histogram).
package final class DurationHistogram: Sendable {
  /// Upper bounds in seconds, ascending; a last bucket without bound follows. From 10 µs, where a hit lives, to minutes of throttling.
  package static let defaultBounds: [Double] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
  ]

  package let bounds: [Double]
  private let boundsInNanoseconds: [Int64]
  private let counts: [Counter]
  private let sum = Counter()

  package init(bounds: [Double] = defaultBounds) {
    self.bounds = bounds
    self.boundsInNanoseconds = bounds.map { Int64(exactly: ($0 * 1e9).rounded()) ?? .max }
    self.counts = (0...bounds.count).map { _ in Counter() }
  }

  package func observe(_ duration: Duration) {
    let nanoseconds = max(0, duration.saturatedNanoseconds)
    let index = boundsInNanoseconds.firstIndex { nanoseconds <= $0 } ?? bounds.count
    counts[index].add()
    sum.add(nanoseconds)
  }

  /// Cumulative counts, one for each bound and the last for all.
  package var cumulativeCounts: [Int64] {
    var total: Int64 = 0
    return counts.map { counter in
      total += counter.current
      return total
    }
  }

  package var sumInSeconds: Double { Double(sum.current) / 1e9 }
}
