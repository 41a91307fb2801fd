internal import WeirCache
internal import WeirCore
internal import WeirJSON
internal import WeirMCP
internal import WeirTenancy

/// What `resources/read` was answered with, for as long as its upstream says that it stays true (MCP 2026-07-28, caching), or the operator of
/// one that says nothing. In memory only.
struct ResourceCache: Sendable {
  /// Where one resource lies for one caller.
  struct Place: Sendable {
    /// What only this principal may be given, at clients of the same capabilities: others a server may answer with a question.
    let own: CacheKey
    /// What all may be given whom the operator lets share this upstream's answers.
    let shared: CacheKey
    let tenant: Name
    /// What purges the answer.
    let scopes: PurgeScopes
    /// For how long an answer is kept of an upstream that does not say.
    let ttl: Duration
  }

  private static let longest: Duration = .seconds(86_400)

  let cache: TieredStore<CallResult>
  let watches: WatchBook

  /// Nil where each session may be told something else, and for a request that says more than which resource it reads, such as one that continues
  /// another, or wants the log of its reading.
  func place(of request: RelayedRequest, _ target: RelayTarget, _ settings: UpstreamSettings, _ caller: Identified) -> Place? {
    guard request.method == .readResource, settings.sharesSessions, let uri = target.name,
      request.params.members.allSatisfy({ $0.name.isString("uri") || $0.name.isString("_meta") }),
      request.era == .legacy || request.client?.logLevel == nil
    else { return nil }
    let generation = Self.bytes(of: watches.generation(of: settings.name))
    let meta = Self.telling(request.params.forwardedMeta)
    func key(_ partition: Partition, _ capabilities: [UInt8] = []) -> CacheKey {
      CacheKeyBuilder(
        partition: partition, upstream: settings.name, credential: settings.credential, definition: [], method: MCPMethod.resourcesRead, tool: uri
      ).key(arguments: generation + Self.bytes(of: UInt64(capabilities.count)) + capabilities + meta)
    }
    return Place(
      own: key(.principal(caller.principal), request.client?.capabilities ?? []), shared: key(settings.share.partition(for: caller)),
      tenant: caller.tenant, scopes: settings.scopes(of: nil).asked(by: caller.tenant, isShared: settings.share == .all),
      ttl: settings.resourceTTL)
  }

  /// What of the members that travel on may change the answer: all but those that only tell one trace from another (W3C Trace Context).
  private static func telling(_ meta: [UInt8]?) -> [UInt8] {
    guard let root = meta.flatMap({ try? JSONDocument(parsing: $0).root }) else { return [] }
    let traces = [MetaKey.traceParent, MetaKey.traceState]
    guard root.members.contains(where: { member in !traces.contains { member.name.isString($0) } }) else { return [] }
    return root.removing(traces)
  }

  private static func bytes(of number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

  /// The answer, with the time that is left of its lifetime.
  func answer(at place: Place, now: Moment) -> CallResult? {
    for (key, isPublic) in [(place.own, false), (place.shared, true)] {
      guard let hit = cache.peek(key, of: place.scopes, now: now), hit.isFresh else { continue }
      let left = Int(clamping: hit.remainingFreshness.saturatedMilliseconds)
      return hit.payload.living(CallResult.Lifetime(milliseconds: left, isPublic: isPublic))
    }
    return nil
  }

  /// To be taken before the answer is asked for.
  func tickets(at place: Place) -> (own: PurgeTicket, shared: PurgeTicket) {
    (cache.ticket(for: place.own, of: place.scopes), cache.ticket(for: place.shared, of: place.scopes))
  }

  /// Keeps an answer that has just come.
  func keep(_ result: CallResult, at place: Place, since tickets: (own: PurgeTicket, shared: PurgeTicket), now: Moment, wall: WallTime) {
    let own = result.lifetime.map { Duration.milliseconds($0.milliseconds) } ?? place.ttl
    guard result.unfinishedType == nil, own > .zero else { return }
    let entry = CacheEntry(value: result, storedAt: wall, freshFor: min(own, Self.longest), upstreamRequests: 0)
    let (key, ticket) = result.lifetime?.isPublic == true ? (place.shared, tickets.shared) : (place.own, tickets.own)
    cache.memory.put(key, entry, owner: place.tenant, since: ticket, now: now)
  }
}
