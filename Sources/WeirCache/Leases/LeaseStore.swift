/// Single flight for all replicas (docs/decisions/0020): who may ask for a key, and how the others learn of the answer. A lease saves requests
/// and never decides what is true. Implementations answer within their patience, and never throw.
package protocol LeaseStore: Sendable {
  /// How long it may keep a caller waiting for an answer, at most.
  var patience: Duration { get }
  /// True while a listener is called when a lease ends, so that looking often is not needed.
  var hearsWakes: Bool { get }
  /// Looks for a value or a marker; where there is none, takes the lease, or becomes one of those who follow. All of it is one step.
  func look(for key: CacheKey, _ question: LeaseQuestion) async -> LeaseAnswer
  /// Prolongs the lease.
  func renew(_ key: CacheKey, _ token: LeaseToken) async -> LeaseReceipt
  /// Ends the lease. May be said twice.
  /// - Parameter patience: how long to wait for the receipt.
  func end(_ key: CacheKey, _ token: LeaseToken, as end: LeaseEnd, within patience: Duration) async -> LeaseReceipt
  /// Ends the lease behind the caller's back, whose task may be cancelled. Where too much waits, the lease ends by itself.
  func endLater(_ key: CacheKey, _ token: LeaseToken, as end: LeaseEnd)
  /// Calls `onWake`, which must not block, whenever a flight of this key may have ended. To be called before the first look, so that no wake is
  /// missed in between.
  func listen(for key: CacheKey, _ onWake: @escaping @Sendable () -> Void) -> LeaseListener
  func stopListening(_ listener: LeaseListener)
}
