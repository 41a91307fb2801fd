/// When the fetch of an answer began, as far as purges are concerned: what was purged by then does not concern it.
package struct PurgeStamp: Sendable, Equatable {
  /// How many purges this process had heard of; 0 for an answer that another process fetched.
  package var generation: UInt64
  /// The least that Redis' clock showed, in microseconds since 1970; 0 where nothing was known of it.
  package var asked: Int64

  package init(generation: UInt64 = 0, asked: Int64 = 0) {
    self.generation = generation
    self.asked = asked
  }

  /// Older than every purge.
  package static let unknown = PurgeStamp()

  /// Of what is put together from both.
  package func older(_ other: PurgeStamp) -> PurgeStamp {
    PurgeStamp(generation: min(generation, other.generation), asked: min(asked, other.asked))
  }
}
