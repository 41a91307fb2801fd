/// How a flight ends its lease. In every case those who follow are woken.
package enum LeaseEnd: Sendable, Equatable {
  /// With the value, for `ttl`, which is at least a millisecond.
  case value([UInt8], ttl: Duration)
  /// With word why there is no value, for `ttl`.
  case marker([UInt8], ttl: Duration)
  /// With nothing: one of those who follow takes over.
  case nothing
}
