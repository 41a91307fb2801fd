/// What a flight asks the shared store when it begins, and whenever it looks again.
package struct LeaseQuestion: Sendable, Equatable {
  /// Of the lease, should the store give it.
  package var token: LeaseToken
  /// A value counts where more than this remains of its freshness; nil: a stale one does too.
  package var fresherThan: Duration?
  /// The last bytes of a value or marker that was read and is none: as if it was not there.
  package var disbelieved: [UInt8] = []

  package init(token: LeaseToken, fresherThan: Duration?) {
    self.token = token
    self.fresherThan = fresherThan
  }

  /// What tells one value from another of the same key: the end of its checksum.
  static func tail(of bytes: [UInt8]) -> [UInt8] { Array(bytes.suffix(16)) }
}
