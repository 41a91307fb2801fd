/// What the shared store says to a holder of a lease.
package enum LeaseReceipt: Sendable, Equatable {
  case accepted
  /// The lease is not this one's any more: it ended, or the key was removed since. Nothing was stored.
  case refused
  /// It did not say, or had no room for what it was to keep.
  case unavailable
}
