/// How a request ended that a lane let through.
package enum LaneOutcome: Sendable, Equatable {
  /// The provider answered, be it with an error of its own.
  case answered
  /// The provider said that it was too much (429, `LimitExceededException`, …), and perhaps for how long to be silent.
  case throttled(retryAfter: Duration?)
  /// It was sent and no answer came.
  case failed
  /// It was never sent: its tokens and its share of the budget are free again.
  case notSent
}
