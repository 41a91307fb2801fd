/// What the shared store says to a flight that looks.
package enum LeaseAnswer: Sendable, Equatable {
  /// The bytes that were put, and for how long the store still keeps them, by its own clock.
  case value([UInt8], remaining: Duration)
  /// How an earlier flight ended without a value.
  case marker([UInt8], remaining: Duration)
  /// Nobody asks for it: whoever looked is the one to ask, and holds the lease.
  case led
  /// Another flight holds the lease, for so long unless it renews it. Who looked is woken when it ends.
  case followed(remaining: Duration)
  /// This process was too busy to ask or to hear, which says nothing of the store. A lease may have been given all the same.
  case late
  /// It did not say. A lease may have been given all the same; it ends by itself.
  case unavailable
}
