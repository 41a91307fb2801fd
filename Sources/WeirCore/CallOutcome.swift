/// How an answer came about: the value of `_meta["weir/cache"].outcome` and of the metric label `outcome`.
package enum CallOutcome: String, Sendable, CaseIterable {
  /// From this process's memory.
  case hitMemory = "hit_memory"
  /// From Redis.
  case hitRedis = "hit_redis"
  /// From the cache, past its freshness, while a new one is fetched or the provider refuses.
  case stale
  /// From the flight that an identical call had started.
  case coalesced
  /// Split from the answer to a request that stood for several different calls.
  case merged
  /// Put together from time buckets that earlier answers had left, all of them or all but the missing ones.
  case buckets
  /// Fetched for this call.
  case miss
  /// Fetched for this call, because nothing declares it cacheable.
  case bypass
  /// Not sent: over rate, over budget, denied.
  case refused
  /// Failed.
  case error
}

/// An amount of money in millionths of a US dollar: integers, so that sums of a cent a million times over stay exact.
package struct MicroUSD: Hashable, Comparable, Sendable, AdditiveArithmetic {
  package var amount: Int64

  package init(_ amount: Int64) { self.amount = amount }

  package static let zero = MicroUSD(0)
  package static func < (left: MicroUSD, right: MicroUSD) -> Bool { left.amount < right.amount }
  package static func + (left: MicroUSD, right: MicroUSD) -> MicroUSD { MicroUSD(left.amount.addingSaturating(right.amount)) }
  package static func - (left: MicroUSD, right: MicroUSD) -> MicroUSD {
    MicroUSD(left.amount.addingSaturating(right.amount == .min ? .max : -right.amount))
  }
  /// In dollars, for metrics and messages.
  package var dollars: Double { Double(amount) / 1_000_000 }
}

extension Int64 {
  /// The sum, or the nearest bound where it does not fit.
  package func addingSaturating(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}
