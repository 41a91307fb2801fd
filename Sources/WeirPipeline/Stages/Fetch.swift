internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirFlow
internal import WeirMCP
internal import WeirTenancy

/// What a flight does: brings an answer from Redis, from time buckets or from the upstream, and keeps it (stages *lane*, *fetch*, *store*).
struct Fetch: Sendable {
  let cache: TieredStore<CallResult>
  let flights: Flights<CacheKey, Fetched>
  let writer: SharedWriter
  let dispatch: Dispatch
  let time: any TimeSource
  let recorder: CallRecorder

  /// Looks again, then asks, then keeps the answer. A stale answer from Redis is given at once, and the caller starts its renewal.
  func fly(_ missed: Missed, _ flight: FlightHandle) async -> Result<Fetched, CallError> {
    // A flight of the same key may have landed between the caller's look and this one's start.
    if let hit = cache.peek(missed.key, now: time.now()), hit.isFresh { return .success(fetched(hit, .memory)) }
    if cache.hasSharedStore {
      let asked = time.now()
      let shared = await cache.fetch(missed.key, owner: missed.permitted.caller.tenant).hit
      recorder.observe(.redis, time.now() - asked)
      if let shared, shared.isFresh { return .success(fetched(shared, .redis)) }
      if let shared { return dispatch.stop(of: missed.permitted).map { .failure($0) } ?? .success(fetched(shared, .stale)) }
    }
    return await ask(missed, flight)
  }

  /// What a renewal does: asks the upstream, whatever stale answer there is.
  func renew(_ missed: Missed, _ flight: FlightHandle) async -> Result<Fetched, CallError> {
    if let hit = cache.peek(missed.key, now: time.now()), hit.isFresh { return .success(fetched(hit, .memory)) }
    return await ask(missed, flight)
  }

  private func ask(_ missed: Missed, _ flight: FlightHandle) async -> Result<Fetched, CallError> {
    let terms = Dispatch.Terms(
      deadline: flight.waitersDeadline, onDispatch: { flight.markDispatched() }, onProgress: { flight.report($0) })
    do throws(CallError) {
      if let buckets = missed.buckets {
        return .success(try await BucketFetch(fetch: self, missed: missed, buckets: buckets, terms: terms).run())
      }
      return .success(try await askWhole(missed, terms))
    } catch {
      // The last answer, marked stale, is better than none.
      if error.allowsStale, let last = cache.peek(missed.key, now: time.now()) { return .success(fetched(last, .stale)) }
      return .failure(error)
    }
  }

  /// Asks for all of it with one request.
  func askWhole(_ missed: Missed, _ terms: Dispatch.Terms) async throws(CallError) -> Fetched {
    let ticket = cache.ticket(for: missed.key)
    let examined = try await dispatch.send(withRoom(missed.outgoing, missed, terms), terms)
    if examined.verdict == .throttled, let last = cache.peek(missed.key, now: time.now()) { return fetched(last, .stale) }
    return keep(examined, missed, ticket)
  }

  // MARK: Store

  /// Keeps an answer where it is one. Never fails a call.
  func keep(_ examined: Examined, _ missed: Missed, _ ticket: PurgeTicket) -> Fetched {
    var fetched = Fetched(examined)
    guard case .answer(_, let cap, _) = examined.verdict else { return fetched }
    let freshness = cap.map { missed.freshness.capped($0) } ?? missed.freshness
    let entry = CacheEntry(
      value: examined.result, storedAt: time.wall(), freshFor: missed.key.spread(freshness.fresh), staleFor: freshness.stale, cost: examined.cost,
      upstreamRequests: examined.requests)
    if keep(entry, missed.key, missed.permitted, ticket) { fetched.freshUntil = time.wall() + entry.freshFor }
    return fetched
  }

  /// Keeps an entry in memory, and in Redis behind the callers' backs. False: it is kept nowhere, since what memory can't hold would be
  /// fetched from Redis on every call.
  @discardableResult
  func keep(_ entry: CacheEntry<CallResult>, _ key: CacheKey, _ permitted: Permitted, _ ticket: PurgeTicket) -> Bool {
    let started = time.now()
    guard cache.memory.put(key, entry, owner: permitted.caller.tenant, since: ticket, now: started) != .tooLarge else { return false }
    writer.write(key, entry, since: ticket)
    recorder.observe(.store, time.now() - started)
    return true
  }

  func fetched(_ hit: MemoryHit<CallResult>, _ source: Fetched.Source) -> Fetched {
    Fetched(
      result: hit.payload, source: source, age: hit.age, freshUntil: hit.isFresh ? time.wall() + hit.remainingFreshness : nil, cost: hit.entry.cost,
      requests: hit.entry.upstreamRequests, savedRequests: hit.entry.upstreamRequests, savedCost: hit.entry.cost)
  }
}

extension CallError {
  /// Errors for which the last answer is given, where there is one: the provider or the upstream can't answer now.
  var allowsStale: Bool {
    if forbidsStale { return false }
    return switch reason {
    case .throttled, .overBudget, .upstreamDown, .timedOut, .upstreamInvalid, .overloaded: true
    default: false
    }
  }
}

extension CallPolicy.Caching {
  var isCached: Bool {
    if case .cached = self { true } else { false }
  }
}
