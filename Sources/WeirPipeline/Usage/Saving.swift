package import WeirCore

/// How a request came to be not sent: the metric label `how`.
package enum SavingKind: String, Sendable, CaseIterable {
  /// The answer was in memory or in Redis, fresh or stale.
  case hit
  /// An identical call's flight brought it.
  case coalesced
  /// One request stood for several different calls.
  case merged
  /// It was put together from time buckets of earlier answers.
  case buckets

  /// What an answer of this kind saves by; nil where it saves nothing.
  package init?(_ outcome: CallOutcome) {
    switch outcome {
    case .hitMemory, .hitRedis, .stale: self = .hit
    case .coalesced: self = .coalesced
    case .merged: self = .merged
    case .buckets: self = .buckets
    case .miss, .bypass, .refused, .error: return nil
    }
  }
}

/// Requests that were not sent, and what they would have cost.
package struct Saving: Equatable, Sendable {
  package var requests: Int64
  package var cost: MicroUSD

  package init(requests: Int64 = 0, cost: MicroUSD = .zero) {
    self.requests = requests
    self.cost = cost
  }

  package static func + (left: Saving, right: Saving) -> Saving {
    Saving(requests: left.requests.addingSaturating(right.requests), cost: left.cost + right.cost)
  }
}
