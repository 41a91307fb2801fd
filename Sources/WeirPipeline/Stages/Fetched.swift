internal import WeirBilling
internal import WeirCache
internal import WeirCore
package import WeirMCP

extension CallResult: CachePayload {
  package var byteCount: Int { bytes.count }
}

/// What a flight brings home: a tool result and where it came from.
package struct Fetched: Sendable {
  /// Where the flight found its answer.
  enum Source: Sendable, Equatable {
    case upstream, memory, redis
    /// Cut from the answer to a request that asked for so many calls at once.
    case merged(members: Int)
    /// Put together from time buckets, of which so many were known already.
    case buckets(known: Int, of: Int)
    /// Cut from the answer to a wider question that another flight had under way, or asked for by another replica meanwhile.
    case coalesced
    /// The provider refused or failed, so the last answer is given again.
    case stale

    var outcome: CallOutcome {
      switch self {
      case .upstream: .miss
      case .memory: .hitMemory
      case .redis: .hitRedis
      case .merged: .merged
      case .buckets: .buckets
      case .coalesced: .coalesced
      case .stale: .stale
      }
    }

    /// Whether something was asked for, or put together, for this flight.
    var isNew: Bool {
      switch self {
      case .upstream, .merged, .buckets, .coalesced: true
      case .memory, .redis, .stale: false
      }
    }
  }

  let result: CallResult
  let source: Source
  let age: Duration
  /// When the answer stops being fresh; nil where it is not kept.
  var freshUntil: WallTime?
  /// Until when it is true, kept or not: for whoever has waited for it.
  var trueUntil: WallTime?
  /// What the answer costs whoever asks for it alone; what everybody saves who gets it without asking.
  let cost: MicroUSD
  let requests: Int
  /// What the flight itself saved.
  let savedRequests: Int
  let savedCost: MicroUSD
  /// When the fetch of the oldest part of it began, for purges.
  var stamp = PurgeStamp.unknown
  /// It is the provider's refusal.
  var isThrottled = false
  /// What is to be kept under the key of the flight.
  var keeping: Keeping?
}

/// An answer that its flight is to keep.
struct Keeping: Sendable {
  let entry: CacheEntry<CallResult>
  /// Taken before it was asked for.
  let ticket: PurgeTicket
  /// Nothing of it was known before: Redis has not its parts.
  var isWhole = true
}

extension Fetched {
  /// An answer to something that is no tool call.
  init(relayed result: CallResult, since ticket: PurgeTicket) {
    self.init(
      result: result, source: .upstream, age: .zero, freshUntil: nil, cost: .zero, requests: 0, savedRequests: 0, savedCost: .zero,
      stamp: ticket.stamp)
  }

  /// What was to be kept is, or is not.
  func settled(isKept: Bool, now: WallTime) -> Fetched {
    var settled = self
    settled.trueUntil = keeping.map { now + $0.entry.freshFor }
    if isKept { settled.freshUntil = settled.trueUntil }
    settled.keeping = nil
    return settled
  }

  /// Just fetched; not kept yet.
  init(_ examined: Examined) {
    self.init(
      result: examined.result, source: examined.members > 1 ? .merged(members: examined.members) : .upstream, age: .zero, freshUntil: nil,
      cost: examined.cost, requests: examined.requests, savedRequests: examined.isCarried ? examined.requests : 0,
      savedCost: examined.isCarried ? examined.cost : .zero, isThrottled: examined.verdict == .throttled)
  }
}
