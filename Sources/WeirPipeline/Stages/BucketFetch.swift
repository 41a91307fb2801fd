internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirJSON
internal import WeirMCP
internal import WeirTenancy

/// Answers a query over a range from the time buckets that are still fresh, and asks for the others only. A bucket is kept as the answer of a
/// call for it alone, so callers who ask for just that day find it too.
struct BucketFetch: Sendable {
  let fetch: Fetch
  let missed: Missed
  let buckets: BucketedCall
  let terms: Dispatch.Terms

  var scopes: PurgeScopes { missed.permitted.scopes }

  /// What is known of one bucket.
  struct Known: Sendable {
    let result: JSONDocument
    let lifespan: Lifespan
    /// When its fetch began, for purges.
    let stamp: PurgeStamp
  }

  /// One bucket: its key, and what memory and Redis have of it.
  struct Slot: Sendable {
    let key: CacheKey
    var known: Known?

    func isFresh(at now: Moment) -> Bool { known?.lifespan.isFresh(at: now) ?? false }
  }

  /// What came of asking for a range of buckets.
  private enum Asked: Sendable {
    case buckets(Range<Int>, [Known], Examined)
    /// The provider's answer, where it is no row of buckets.
    case other(Range<Int>, Examined)
    case failed(CallError)
  }

  /// What was asked for to put the answer together, as far as the caller is concerned.
  struct Spent: Sendable {
    var requests = 0
    var cost = MicroUSD.zero
    /// Where the answer comes from if nothing of it was known before.
    var source = Fetched.Source.upstream

    init(_ source: Fetched.Source = .upstream) {
      self.source = source
    }

    init(_ brought: [Examined]) {
      for examined in brought where !examined.isCarried {
        requests += examined.requests
        cost += examined.cost
      }
      let members = brought.map(\.members).max() ?? 1
      if members > 1 { source = .merged(members: members) }
    }
  }

  /// - Throws: what the provider's lane or the upstream fails with.
  func run() async throws(CallError) -> Fetched {
    let ticket = fetch.cache.ticket(for: missed.key, of: scopes)
    guard !buckets.isPaged, var slots = slots() else { return try await fetch.askWhole(missed, terms) }
    if missed.mayWiden { fill(&slots, from: buckets.wider()) }
    if missed.widens { assemble(&slots) }
    if missed.mayAddUp { await addUp(&slots) }
    let missing = missing(slots)
    let known = slots.count - missing.count
    var spent = Spent()
    if missed.mayWiden, let first = missing.first, let last = missing.last,
      let ask = buckets.asking(missing: first..<last + 1, addingUp: missed.mayAddUp)
    {
      do throws(CallError) { spent = try await askWider(ask, &slots) } catch { return try stale(error, slots) }
      if self.missing(slots).isEmpty, let answer = join(slots) { return keep(answer, known: known, spent, ticket) }
    }
    if fetch.cache.hasSharedStore, !missed.mayAddUp { await lookInSharedStore(&slots) }
    return try await askMissing(slots, spent, ticket)
  }

  func missing(_ slots: [Slot]) -> [Int] {
    let now = fetch.time.now()
    return slots.indices.filter { !slots[$0].isFresh(at: now) }
  }

  /// Asks for what is missing, in the question's own terms.
  /// - Parameter wider: what was spent on a wider question before.
  private func askMissing(_ slots: [Slot], _ wider: Spent, _ ticket: PurgeTicket) async throws(CallError) -> Fetched {
    var slots = slots
    let missing = missing(slots)
    let asked = await ask(BucketPlan(missing: missing) { buckets.requests(for: $0) }, slots)
    var brought: [Examined] = []
    for case .buckets(let range, let answers, let examined) in asked {
      for (index, answer) in zip(range, answers) { slots[index].known = answer }
      brought.append(examined)
    }
    for case .failed(let error) in asked { return try stale(error, slots) }
    for case .other(let range, let examined) in asked {
      // The answer to the whole range, though it cannot be cut; or a refusal that would meet the whole range too.
      if range == slots.indices || examined.verdict == .throttled { return whole(examined, ticket) }
      return try await fetch.askWhole(missed, terms)
    }
    if let answer = join(slots) {
      var spent = Spent(brought)
      spent.requests += wider.requests
      spent.cost += wider.cost
      return keep(answer, known: slots.count - missing.count, spent, ticket)
    }
    // What was brought is the answer itself where all of it was asked for at once.
    for case .buckets(slots.indices, _, let examined) in asked { return whole(examined, ticket) }
    return try await fetch.askWhole(missed, terms)
  }

  /// Where every bucket is known, though not fresh, the last numbers are better than none.
  func stale(_ error: CallError, _ slots: [Slot]) throws(CallError) -> Fetched {
    guard error.allowsStale, slots.allSatisfy({ $0.known != nil }), let answer = join(slots),
      // Purged while the provider was asked.
      !slots.contains(where: { slot in slot.known.map { fetch.cache.purges.covers($0.stamp, slot.key, scopes) } ?? false })
    else { throw error }
    return Fetched(
      result: answer.result, source: .stale, age: answer.age, freshUntil: nil, cost: answer.cost, requests: answer.requests,
      savedRequests: answer.requests, savedCost: answer.cost, stamp: answer.stamp)
  }

  // MARK: What is known

  /// Nil where a bucket has no call of its own.
  private func slots() -> [Slot]? {
    keys()?.map { key in Slot(key: key, known: fetch.cache.peek(key, of: scopes, now: fetch.time.now()).flatMap(known)) }
  }

  /// Of each bucket by itself.
  private func keys() -> [CacheKey]? {
    let keys = missed.permitted.route.keys(for: missed.permitted.caller)
    var all: [CacheKey] = []
    for index in buckets.buckets.indices {
      guard let arguments = buckets.keyArguments(for: index) else { return nil }
      all.append(keys.key(arguments: arguments))
    }
    return all
  }

  func known(_ hit: MemoryHit<CallResult>) -> Known? {
    guard let document = try? JSONDocument(parsing: hit.payload.bytes, limits: .upstreamResult) else { return nil }
    let now = fetch.time.now()
    let lifespan = Lifespan(bornAt: now + (.zero - hit.age), freshUntil: now + hit.remainingFreshness, staleUntil: now + hit.remainingLife)
    return Known(result: document, lifespan: lifespan, stamp: hit.entry.stamp)
  }

  func lookInSharedStore(_ slots: inout [Slot]) async {
    let asked = fetch.time.now()
    let owner = missed.permitted.caller.tenant
    let found = await withTaskGroup(of: (Int, Known?).self) { group in
      // The flight has looked for its own key already.
      for index in slots.indices where !slots[index].isFresh(at: asked) && slots[index].key != missed.key {
        let key = slots[index].key
        group.addTask { (index, await fetch.cache.fetch(key, of: scopes, owner: owner).hit.flatMap(known)) }
      }
      return await group.reduce(into: [(Int, Known?)]()) { $0.append($1) }
    }
    for (index, known) in found { if let known { slots[index].known = known } }
    fetch.recorder.observe(.redis, fetch.time.now() - asked)
  }

  // MARK: What is asked for

  private func ask(_ plan: BucketPlan, _ slots: [Slot]) async -> [Asked] {
    await withTaskGroup(of: Asked.self) { group in
      for range in plan.ranges { group.addTask { await ask(range, slots) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
  }

  private func ask(_ range: Range<Int>, _ slots: [Slot]) async -> Asked {
    guard let call = buckets.call(for: range) else { return .failed(CallError(.internalFault, "A time range has no call of its own.")) }
    let places = range.map { Place(slots[$0].key, scopes, fetch.cache, isFlights: slots[$0].key == missed.key) }
    let outgoing = Outgoing(
      missed.permitted, arguments: call.sentArguments, requests: buckets.requests(for: range), merging: call.merging)
    do throws(CallError) {
      let examined = try await fetch.dispatch.send(fetch.withRoom(outgoing, missed, terms), terms)
      if examined.verdict == .throttled, slots.allSatisfy({ $0.known != nil }) {
        return .failed(CallError(.throttled, "The provider throttles; the last answer stands."))
      }
      return keep(examined, of: range, places).map { .buckets(range, $0, examined) } ?? .other(range, examined)
    } catch {
      return .failed(error)
    }
  }

  // MARK: What is kept

  /// Where the answer of a bucket goes, as it was before the answer was asked for.
  private struct Place {
    let key: CacheKey
    let ticket: PurgeTicket
    /// The flight keeps it itself, where replicas share flights: only who holds the lease may.
    let isFlights: Bool

    init(_ key: CacheKey, _ scopes: PurgeScopes, _ cache: TieredStore<CallResult>, isFlights: Bool = false) {
      self.key = key
      self.isFlights = isFlights && cache.leases != nil
      ticket = cache.ticket(for: key, of: scopes)
    }
  }

  /// Keeps all buckets of an answer that nobody waits for; nil where they are known.
  func keeper(where isDue: (CacheKey) -> Bool) -> (@Sendable (Examined) -> Void)? {
    guard !buckets.isPaged, let keys = keys(), keys.contains(where: isDue) else { return nil }
    let places = keys.map { Place($0, scopes, fetch.cache) }
    return { examined in _ = keep(examined, of: places.indices, places) }
  }

  /// Keeps each bucket of an answer by itself; nil where the answer is no row of buckets.
  private func keep(_ examined: Examined, of range: Range<Int>, _ places: [Place]) -> [Known]? {
    guard examined.isAnswer, let document = examined.document, let answers = buckets.cut(document.root, of: range) else { return nil }
    // An answer without a single row may be to a question whose numbers are yet to come.
    let hasRows = answers.contains { !$0.isEmpty }
    let known = zip(range, zip(answers, places)).compactMap { index, answer in
      keep(answer.0, index, answer.1, examined, hasRowsBeside: hasRows)
    }
    return known.count == range.count ? known : nil
  }

  /// Keeps one bucket. Its lifetime is spread by the shape of the query, so that the buckets of a dashboard expire together.
  private func keep(
    _ answer: BucketAnswer, _ index: Int, _ place: Place, _ examined: Examined, hasRowsBeside: Bool
  ) -> Known? {
    guard let document = try? JSONDocument(parsing: answer.result, limits: .upstreamResult), let result = try? CallResult(normalizing: document.root)
    else { return nil }
    let freshness = buckets.freshness(of: answer, in: buckets.buckets[index], hasRowsBeside: hasRowsBeside)
    let shape = missed.permitted.route.keys(for: missed.permitted.caller).key(arguments: buckets.shape)
    let entry = CacheEntry(
      value: result, storedAt: fetch.time.wall(), freshFor: shape.spread(freshness.fresh), staleFor: freshness.stale,
      cost: price(of: buckets.requests(for: index..<index + 1), like: examined), upstreamRequests: buckets.requests(for: index..<index + 1))
    if !place.isFlights { fetch.keep(entry, place.key, missed.permitted, place.ticket) }
    let lifespan = Lifespan(from: fetch.time.now(), freshFor: entry.freshFor, staleFor: entry.staleFor)
    return Known(result: document, lifespan: lifespan, stamp: place.ticket.stamp)
  }

  // MARK: The answer

  private struct Joined {
    let result: CallResult
    let age, fresh, life: Duration
    /// What a call for the whole range alone would take.
    let requests: Int
    let cost: MicroUSD
    let stamp: PurgeStamp
  }

  private func join(_ slots: [Slot]) -> Joined? {
    let known = slots.compactMap(\.known)
    guard known.count == slots.count, let bytes = buckets.join(known.map(\.result.root)),
      let document = try? JSONDocument(parsing: bytes, limits: .upstreamResult), let result = try? CallResult(normalizing: document.root),
      let born = known.map(\.lifespan.bornAt).min(), let fresh = known.map(\.lifespan.freshUntil).min(),
      let end = known.map(\.lifespan.staleUntil).min(), let first = known.first
    else { return nil }
    // Time has passed since they were looked up: the missing ones were waited for.
    let now = fetch.time.now()
    let (age, freshFor, life) = (max(.zero, now - born), max(.zero, fresh - now), max(.zero, end - now))
    let requests = buckets.requests(for: slots.indices)
    let price = fetch.dispatch.lanes[missed.permitted.provider]?.price(of: requests) ?? .zero
    return Joined(
      result: result, age: age, fresh: freshFor, life: life, requests: requests, cost: price,
      stamp: known.map(\.stamp).reduce(first.stamp) { $0.older($1) })
  }

  /// The answer of the range lives as long as the bucket of it that expires first, and is as old as its oldest. Redis has the buckets: without
  /// a lease, which others may be waiting for, only an answer that came whole is written there too.
  private func keep(_ answer: Joined, known: Int, _ spent: Spent, _ ticket: PurgeTicket) -> Fetched {
    var entry = CacheEntry(
      value: answer.result, storedAt: fetch.time.wall(), freshFor: answer.fresh, staleFor: max(.zero, answer.life - answer.fresh),
      cost: answer.cost, upstreamRequests: answer.requests)
    entry.agedBy = answer.age
    let ticket = ticket.aged(answer.stamp)
    var fetched = Fetched(
      result: answer.result, source: known > 0 ? .buckets(known: known, of: buckets.buckets.count) : spent.source, age: answer.age,
      freshUntil: nil, cost: answer.cost, requests: answer.requests,
      savedRequests: max(0, answer.requests - spent.requests), savedCost: max(.zero, answer.cost - spent.cost), stamp: ticket.stamp)
    if answer.fresh > .zero { fetched.keeping = Keeping(entry: entry, ticket: ticket, isWhole: known == 0) }
    return fetched
  }

  private func whole(_ examined: Examined, _ ticket: PurgeTicket) -> Fetched {
    if examined.verdict == .throttled, let last = fetch.peek(missed) { return fetch.fetched(last, .stale) }
    return fetch.answer(examined, missed, ticket)
  }

  private func price(of requests: Int, like examined: Examined) -> MicroUSD {
    fetch.dispatch.lanes[missed.permitted.provider]?.price(of: requests) ?? examined.cost
  }
}
