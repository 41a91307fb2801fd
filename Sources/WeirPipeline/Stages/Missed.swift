internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirJSON
internal import WeirMCP

/// After stage *look up*: the call may be cached, its key is known, and memory had nothing fresh for it. Made only from a `Permitted`.
struct Missed: Sendable {
  let permitted: Permitted
  let key: CacheKey
  let freshness: Freshness
  /// A wider question that is asked in the place of the call's own.
  private let wider: (buckets: BucketedCall, outgoing: Outgoing)?

  /// The time buckets of what is asked, where its answer can be put together from them.
  var buckets: BucketedCall? {
    guard permitted.route.settings.reusesBuckets, let buckets = wider?.buckets ?? permitted.policy.buckets else { return nil }
    return (1...Self.mostBuckets).contains(buckets.buckets.count) ? buckets : nil
  }

  /// All of it as one request.
  var outgoing: Outgoing { wider?.outgoing ?? Outgoing(permitted) }

  /// Whether its own answer may be cut from the one to a wider question.
  var mayWiden: Bool { wider == nil && widens }

  /// More buckets than this are looked up for no call: somewhat more than a year of days.
  private static let mostBuckets = 400

  private init(_ permitted: Permitted, key: CacheKey, freshness: Freshness, wider: (buckets: BucketedCall, outgoing: Outgoing)? = nil) {
    self.permitted = permitted
    self.key = key
    self.freshness = freshness
    self.wider = wider
  }

  /// A wider question in the name of the same caller. It lies in the same partition, under the key of a call that asks it.
  func asking(_ buckets: BucketedCall) -> Missed? {
    let all = buckets.buckets.indices
    guard let call = buckets.call(for: all) else { return nil }
    let outgoing = Outgoing(permitted, arguments: call.sentArguments, requests: buckets.requests(for: all), merging: call.merging)
    return Missed(
      permitted, key: permitted.route.keys(for: permitted.caller).key(arguments: call.keyArguments), freshness: buckets.wholeFreshness,
      wider: (buckets, outgoing))
  }

  /// Another call of the same tool by the same caller; nil where that may not be kept.
  func beside(_ arguments: [UInt8], now: WallTime) -> Missed? {
    guard let arguments = try? JSONDocument(parsing: arguments).root else { return nil }
    let other = permitted.with(arguments, now: now)
    guard case .cached(let freshness) = other.policy.caching else { return nil }
    return Missed(other, key: other.route.keys(for: other.caller).key(arguments: other.policy.keyArguments), freshness: freshness)
  }

  /// Whether what is asked and what is known of other questions may be made use of beyond the call's own terms.
  var widens: Bool { permitted.route.settings.widens }

  /// Whether amounts of answers to other questions may be added up for its own.
  var mayAddUp: Bool { mayWiden && permitted.route.settings.derivesSums }

  enum LookUp {
    /// Nothing declares the call cacheable: it goes past look-up, flights and store.
    case bypass
    case hit(Missed, MemoryHit<CallResult>)
    case miss(Missed)
  }

  static func lookUp(_ permitted: Permitted, keys: @autoclosure () -> CacheKeyBuilder, in cache: TieredStore<CallResult>, now: Moment) -> LookUp {
    guard case .cached(let freshness) = permitted.policy.caching else { return .bypass }
    let missed = Missed(permitted, key: keys().key(arguments: permitted.policy.keyArguments), freshness: freshness)
    if let hit = cache.peek(missed.key, of: permitted.scopes, now: now) { return .hit(missed, hit) }
    return .miss(missed)
  }
}
