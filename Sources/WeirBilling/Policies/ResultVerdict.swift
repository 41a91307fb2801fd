/// What a result is, beyond its `isError` member.
package enum ResultVerdict: Sendable, Equatable {
  /// An answer. `bytes` are given on instead of the upstream's where they hold what differs on every call; `cap` shortens its freshness;
  /// `requests` is how many provider requests it took, where the answer says so.
  case answer(bytes: [UInt8]?, cap: Freshness?, requests: Int?)
  /// Given to the caller, never kept: an error in the shape of an answer, a pointer into one process, an unknown shape.
  case notAnAnswer
  /// The provider throttled. Given to the caller, never kept; the provider's lane is pushed back.
  case throttled
}
