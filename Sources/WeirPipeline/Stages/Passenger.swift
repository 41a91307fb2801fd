internal import WeirBilling
internal import WeirCache
internal import WeirCore

/// A call that nobody waits for. Its answer comes along in what a request's page has left, and is kept for whoever asks next.
struct Passenger: Sendable {
  let call: MergeableCall
  let outgoing: Outgoing
  /// Keeps its answer.
  let arrive: @Sendable (Examined) -> Void
}

extension Fetch {
  /// The call with these arguments, made by whoever makes the one that is about to leave.
  /// - Returns: nil where its answer is known, and stays so for more than half of its life.
  func passenger(_ arguments: [UInt8], beside missed: Missed, _ terms: Dispatch.Terms) -> Passenger? {
    guard let other = missed.beside(arguments, now: time.wall()), let call = other.permitted.policy.merging else { return nil }
    let outgoing = Outgoing(other.permitted, arguments: arguments, requests: other.permitted.policy.requests, merging: call)
    guard let buckets = other.buckets else {
      guard isDue(other.key, other.permitted.scopes) else { return nil }
      let ticket = cache.ticket(for: other.key, of: other.permitted.scopes)
      return Passenger(call: call, outgoing: outgoing) { examined in settle(answer(examined, other, ticket), other) }
    }
    let own = BucketFetch(fetch: self, missed: other, buckets: buckets, terms: terms)
    return own.keeper { isDue($0, other.permitted.scopes) }.map { Passenger(call: call, outgoing: outgoing, arrive: $0) }
  }

  /// The request with what comes along in the room that it leaves.
  func withRoom(_ outgoing: Outgoing, _ missed: Missed, _ terms: Dispatch.Terms) -> Outgoing {
    missed.widens ? outgoing.bringing { passenger($0, beside: missed, terms) } : outgoing
  }

  private func isDue(_ key: CacheKey, _ scopes: PurgeScopes) -> Bool {
    cache.peek(key, of: scopes, now: time.now()).map { $0.remainingFreshness <= $0.age } ?? true
  }
}
