package import WeirCore

/// What a lane asks for tokens: a value, asked under the lane's lock, that decides without waiting.
///
/// In one process this is `TokenBucket`. Where replicas share a provider's rate, it is a reservoir of tokens that were fetched in chunks from
/// the shared bucket: it answers from what it has, says `.delayed(until: nil)` when it runs dry, and whoever fills it pokes the lane. So the
/// lane never waits for a network with a permit in its hand, and needs no second way of working.
package protocol RateLimiter: Sendable {
  /// The most tokens that can be set aside for one request. One that costs more sets this many aside, and settles the rest.
  var capacity: Int { get }
  /// Until when the provider asked for silence.
  var pausedUntil: Moment? { get }
  /// How many times slower than configured requests leave now; 1 is full speed.
  var slowdown: Double { get }

  /// Sets `cost` tokens aside, from every window or from none.
  mutating func reserve(_ cost: Int, now: Moment) -> RateDecision
  /// The request leaves now: tokens set aside before are spent. `settle` follows when it is over.
  mutating func commit(_ cost: Int, for id: WaiterID, now: Moment)
  /// A request that left with `taken` tokens is over and was in fact `spent` requests. What is missing is owed: the next ones wait for it.
  /// What was too much is given back as far as the limit stays kept by it.
  mutating func settle(_ id: WaiterID, taken: Int, spent: Int, now: Moment)
  /// The request does not leave: tokens set aside before are free again.
  mutating func cancel(_ cost: Int)
  /// When `cost` tokens could be had, if `ahead` tokens go first. An estimate.
  mutating func earliest(_ cost: Int, ahead: Int, now: Moment) -> Moment
  /// The provider said that it was too much, in answer to a request that left at `sentAt`. `jitter` is a random number in 0..<1.
  mutating func penalise(retryAfter: Duration?, sentAt: Moment, jitter: Double, now: Moment)
  /// The provider answered a request that left at `sentAt`.
  mutating func succeeded(sentAt: Moment)
  func windows(now: Moment) -> [RateWindow]
  /// The operator's limits are others from now on.
  mutating func change(to limits: [RateLimit], now: Moment)
}

extension RateLimiter {
  /// One that has its limits from elsewhere.
  package mutating func change(to limits: [RateLimit], now: Moment) {}
}
