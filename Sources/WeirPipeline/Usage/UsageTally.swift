package import WeirCore

/// The numbers of one row: calls by outcome, requests and money. All of them saturate.
package struct UsageTally: Equatable, Sendable {
  /// Requests that left for the provider.
  package private(set) var requestsSent: Int64 = 0
  /// What they cost.
  package private(set) var spent: MicroUSD = .zero
  // Arrays by position instead of dictionaries: the hit path adds to them.
  private var calls = [Int64](repeating: 0, count: CallOutcome.allCases.count)
  private var savings = [Saving](repeating: Saving(), count: SavingKind.allCases.count)

  package init() {}

  /// How many calls were answered so.
  package func calls(_ outcome: CallOutcome) -> Int64 { calls[outcome.position] }

  /// What was saved so.
  package func saved(by kind: SavingKind) -> Saving { savings[kind.position] }

  /// Calls, however they were answered.
  package var allCalls: Int64 { calls.reduce(0) { $0.addingSaturating($1) } }

  /// What was saved, however it was.
  package var allSaved: Saving { savings.reduce(Saving(), +) }

  package mutating func count(_ outcome: CallOutcome, _ number: Int64 = 1) {
    calls[outcome.position] = calls[outcome.position].addingSaturating(number)
  }

  package mutating func sent(requests: Int64, cost: MicroUSD) {
    requestsSent = requestsSent.addingSaturating(requests)
    spent += cost
  }

  package mutating func save(_ saving: Saving, by kind: SavingKind) {
    savings[kind.position] = savings[kind.position] + saving
  }

  package static func + (left: UsageTally, right: UsageTally) -> UsageTally {
    var sum = left
    for outcome in CallOutcome.allCases { sum.count(outcome, right.calls(outcome)) }
    for kind in SavingKind.allCases { sum.save(right.saved(by: kind), by: kind) }
    sum.sent(requests: right.requestsSent, cost: right.spent)
    return sum
  }
}

extension CallOutcome {
  fileprivate var position: Int {
    switch self {
    case .hitMemory: 0
    case .hitRedis: 1
    case .stale: 2
    case .coalesced: 3
    case .merged: 4
    case .buckets: 5
    case .miss: 6
    case .bypass: 7
    case .refused: 8
    case .error: 9
    }
  }
}

extension SavingKind {
  fileprivate var position: Int {
    switch self {
    case .hit: 0
    case .coalesced: 1
    case .merged: 2
    case .buckets: 3
    }
  }
}
