package import WeirCore

/// What may be done with one call: decided from the tool, the arguments and the date alone, before any look-up.
package struct CallPolicy: Sendable {
  package enum Caching: Sendable, Equatable {
    /// The answer may be kept and shared within its class.
    case cached(Freshness)
    /// The call goes to the upstream, alone, since nobody said that it may be cached; an operator's rule may say so.
    case bypass
    /// The call goes to the upstream, alone, whatever a rule says: it writes, its answer lives in one process, it continues another
    /// call's pages, or it means another thing on every day.
    case never
  }

  package var caching: Caching
  /// The canonical arguments for the cache key: calls that mean the same have the same bytes (design decision 3). Empty where nothing is cached.
  package var keyArguments: [UInt8]
  /// The arguments to send where they differ from what the caller wrote: defaults that depend on the day are made explicit.
  package var sentArguments: [UInt8]?
  /// Who bills and throttles this call, where it is not the upstream's own provider.
  package var provider: Name?
  /// How many provider requests one call makes, for the token bucket: at least 1, an estimate that the answer may
  /// correct.
  package var requests: Int
  /// Where the call can be asked together with others.
  package var merging: MergeableCall?
  /// Where the answer can be put together from time buckets.
  package var buckets: BucketedCall?

  package init(
    caching: Caching, keyArguments: [UInt8] = [], sentArguments: [UInt8]? = nil, provider: Name? = nil, requests: Int = 1,
    merging: MergeableCall? = nil, buckets: BucketedCall? = nil
  ) {
    self.caching = caching
    self.keyArguments = keyArguments
    self.sentArguments = sentArguments
    self.provider = provider
    self.requests = requests
    self.merging = merging
    self.buckets = buckets
  }
}
