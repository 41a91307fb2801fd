import WeirFlow

/// Requests as a provider sees them, and whether they keep to a limit: exact, in whole numbers.
struct Requests {
  /// In microseconds.
  var times: [(at: Int64, count: Int)] = []

  /// How many more than `burst + count × t / period` left in some stretch of time, rounded up; 0: the limit holds in every one.
  func excess(over limit: RateLimit) -> Int {
    let period = Int128(limit.period.components.seconds * 1_000_000 + limit.period.components.attoseconds / 1_000_000_000_000)
    let (count, burst) = (Int128(limit.count), Int128(limit.burst))
    // The bucket of the generic cell rate algorithm, in microseconds × count: how far its level is over the burst at the worst.
    var (full, worst) = (Int128.min / 4, Int128.zero)
    for (at, number) in times.sorted(by: { $0.at < $1.at }) {
      full = max(full, Int128(at) * count) + Int128(number) * period
      worst = max(worst, full - Int128(at) * count - burst * period)
    }
    return Int((worst + period - 1) / period)
  }

  func total(after moment: Int64 = .min) -> Int { times.reduce(0) { $0 + ($1.at > moment ? $1.count : 0) } }
}
