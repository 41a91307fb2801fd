internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirMCP

/// After stage *look up*: the call may be cached, its key is known, and memory had nothing fresh for it. Made only from a `Permitted`.
struct Missed: Sendable {
  let permitted: Permitted
  let key: CacheKey
  let freshness: Freshness

  /// The time buckets of the call, where its answer can be put together from more than one.
  var buckets: BucketedCall? {
    guard permitted.route.settings.reusesBuckets, let buckets = permitted.policy.buckets else { return nil }
    return (2...Self.mostBuckets).contains(buckets.buckets.count) ? buckets : nil
  }

  /// More buckets than this are looked up for no call: somewhat more than a year of days.
  private static let mostBuckets = 400

  private init(_ permitted: Permitted, key: CacheKey, freshness: Freshness) {
    self.permitted = permitted
    self.key = key
    self.freshness = freshness
  }

  enum LookUp {
    /// Nothing declares the call cacheable: it goes past look-up, flights and store.
    case bypass
    case hit(Missed, MemoryHit<ToolResult>)
    case miss(Missed)
  }

  static func lookUp(_ permitted: Permitted, keys: CacheKeyBuilder, in cache: TieredStore<ToolResult>, now: Moment) -> LookUp {
    guard case .cached(let freshness) = permitted.policy.caching else { return .bypass }
    let missed = Missed(permitted, key: keys.key(arguments: permitted.policy.keyArguments), freshness: freshness)
    if let hit = cache.peek(missed.key, now: now) { return .hit(missed, hit) }
    return .miss(missed)
  }
}
