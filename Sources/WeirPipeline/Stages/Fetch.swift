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

  /// Why a flight flies.
  enum Purpose: Sendable, Equatable {
    /// Callers wait for an answer.
    case answer
    /// There is an answer, but a stale one.
    case renewal
    /// There is an answer, fresh for no longer than this.
    case earlyRenewal(remaining: Duration)

    /// An answer does where more than this remains of its freshness; nil: a stale one does too.
    var fresherThan: Duration? {
      switch self {
      case .answer: nil
      case .renewal: .zero
      case .earlyRenewal(let remaining): remaining
      }
    }
  }

  /// Looks again, then asks, then keeps the answer. A stale answer from Redis is given to callers at once, and the caller starts its renewal.
  func fly(_ missed: Missed, _ flight: FlightHandle, for purpose: Purpose = .answer) async -> Result<Fetched, CallError> {
    // A flight of the same key may have landed between the caller's look and this one's start.
    if let hit = peek(missed), hit.remainingFreshness > purpose.fresherThan ?? .zero {
      return .success(fetched(hit, .memory))
    }
    if let leases = cache.leases { return await FleetFlight(fetch: self, missed: missed, flight: flight, purpose: purpose, leases: leases).run() }
    if cache.hasSharedStore, purpose == .answer {
      let asked = time.now()
      let shared = await cache.fetch(missed.key, of: missed.permitted.scopes, owner: missed.permitted.caller.tenant).hit
      recorder.observe(.redis, time.now() - asked)
      if let shared { return found(shared, missed) }
    }
    return await askAlone(missed, flight)
  }

  /// What another replica has stored, for callers.
  func found(_ shared: MemoryHit<CallResult>, _ missed: Missed) -> Result<Fetched, CallError> {
    if shared.isFresh { return .success(fetched(shared, .redis)) }
    return dispatch.stop(of: missed.permitted).map { .failure($0) } ?? .success(fetched(shared, .stale))
  }

  /// What memory has for it.
  func peek(_ missed: Missed) -> MemoryHit<CallResult>? {
    cache.peek(missed.key, of: missed.permitted.scopes, now: time.now())
  }

  /// How long a flight may last: where others may ask first, as long again.
  func limit(_ missed: Missed) -> Duration {
    let timeout = missed.permitted.route.settings.callTimeout
    return cache.leases == nil ? timeout : timeout * 2
  }

  // MARK: Ask

  /// Asks whatever other replicas do, and keeps the answer.
  func askAlone(_ missed: Missed, _ flight: FlightHandle) async -> Result<Fetched, CallError> {
    do throws(CallError) {
      return .success(settle(try await ask(missed, flight), missed))
    } catch {
      return lastOr(error, missed)
    }
  }

  /// Asks the upstream. What is to be kept of the answer is not kept yet.
  func ask(_ missed: Missed, _ flight: FlightHandle) async throws(CallError) -> Fetched {
    // Callers of others may have waited for long already; a request may take as long as ever.
    let latest = time.now() + missed.permitted.route.settings.callTimeout
    let terms = Dispatch.Terms(
      deadline: min(latest, flight.waitersDeadline), onDispatch: { flight.markDispatched() }, onProgress: { flight.report($0) })
    guard let buckets = missed.buckets else { return try await askWhole(missed, terms) }
    return try await BucketFetch(fetch: self, missed: missed, buckets: buckets, terms: terms).run()
  }

  /// The last answer, marked stale, is better than none.
  func lastOr(_ error: CallError, _ missed: Missed) -> Result<Fetched, CallError> {
    guard error.allowsStale, let last = peek(missed) else { return .failure(error) }
    return .success(fetched(last, .stale))
  }

  /// Asks for all of it with one request.
  func askWhole(_ missed: Missed, _ terms: Dispatch.Terms) async throws(CallError) -> Fetched {
    let ticket = cache.ticket(for: missed.key, of: missed.permitted.scopes)
    let examined = try await dispatch.send(withRoom(missed.outgoing, missed, terms), terms)
    if examined.verdict == .throttled, let last = peek(missed) { return fetched(last, .stale) }
    return answer(examined, missed, ticket)
  }

  // MARK: Store

  /// An answer, to be kept where it is one.
  func answer(_ examined: Examined, _ missed: Missed, _ ticket: PurgeTicket) -> Fetched {
    var fetched = Fetched(examined)
    fetched.stamp = ticket.stamp
    guard case .answer(_, let cap, _) = examined.verdict else { return fetched }
    let freshness = cap.map { missed.freshness.capped($0) } ?? missed.freshness
    let entry = CacheEntry(
      value: examined.result, storedAt: time.wall(), freshFor: missed.key.spread(freshness.fresh), staleFor: freshness.stale, cost: examined.cost,
      upstreamRequests: examined.requests)
    fetched.keeping = Keeping(entry: entry, ticket: ticket)
    return fetched
  }

  /// Keeps what is to be kept, without a word to other replicas. Never fails a call.
  @discardableResult
  func settle(_ fetched: Fetched, _ missed: Missed) -> Fetched {
    guard let keeping = fetched.keeping else { return fetched }
    let owner = missed.permitted.caller.tenant
    let isKept =
      keeping.isWhole
      ? keep(keeping.entry, missed.key, missed.permitted, keeping.ticket)
      : cache.memory.put(missed.key, keeping.entry, owner: owner, since: keeping.ticket, now: time.now()) != .tooLarge
    return fetched.settled(isKept: isKept, now: time.wall())
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
      requests: hit.entry.upstreamRequests, savedRequests: hit.entry.upstreamRequests, savedCost: hit.entry.cost, stamp: hit.entry.stamp)
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
