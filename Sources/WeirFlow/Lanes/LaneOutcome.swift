package import WeirCore

/// How a request ended that a lane let through, and what it really took of the provider.
package enum LaneOutcome: Sendable, Equatable {
  /// The provider answered, be it with an error of its own. `requests` is how many requests it really got (0 where the upstream answered by
  /// itself), `price` what it really charges. Negative numbers count as zero.
  case answered(requests: Int, price: MicroUSD)
  /// The provider said that it was too much (429, `LimitExceededException`, …), and perhaps for how long to be silent.
  /// Counts one request and no money: it got at least one, and providers charge for requests that succeed.
  case throttled(retryAfter: Duration?)
  /// It was sent and no answer came. Counts like `throttled`.
  case failed
  /// It was never sent: its tokens and its share of the budget are free again. After `LanePermit.markSent` it counts like `failed`.
  case notSent
}
