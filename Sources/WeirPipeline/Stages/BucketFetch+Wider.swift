internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirFlow
internal import WeirJSON
internal import WeirMCP

/// Answers cut from those to wider questions: the bill by account answers for each account, also the ones that nobody has asked about yet.
extension BucketFetch {
  /// Fills what is not fresh with what memory has of wider questions.
  /// - Parameter allowingStale: also with what is not fresh there either.
  func fill(_ slots: inout [Slot], from wider: [any WiderRule], allowingStale: Bool = false) {
    let keys = missed.permitted.route.keys(for: missed.permitted.caller)
    let now = fetch.time.now()
    for rule in wider {
      for index in slots.indices where !slots[index].isFresh(at: now) {
        let bucket = buckets.buckets[index]
        let key = keys.key(arguments: rule.rule.keyArguments(from: bucket.start, to: bucket.end))
        guard let hit = fetch.cache.peek(key, of: scopes, now: now), hit.isFresh || allowingStale, let whole = known(hit),
          let own = slice(whole.result, rule, bucket)
        else { continue }
        slots[index].known = Known(result: own, lifespan: whole.lifespan, stamp: whole.stamp)
      }
    }
  }

  /// Fills what is not fresh with what is put together from fresh answers to other questions.
  func assemble(_ slots: inout [Slot]) {
    let keys = missed.permitted.route.keys(for: missed.permitted.caller)
    let now = fetch.time.now()
    func known(_ rule: any BucketRule, _ bucket: TimeBucket) -> Known? {
      let key = keys.key(arguments: rule.keyArguments(from: bucket.start, to: bucket.end))
      return fetch.cache.peek(key, of: scopes, now: now).flatMap { $0.isFresh ? self.known($0) : nil }
    }
    for rule in buckets.assemblies() {
      for index in slots.indices where !slots[index].isFresh(at: now) {
        let bucket = buckets.buckets[index]
        guard let list = known(rule.list, bucket), let parts = rule.parts(list.result.root, of: bucket) else { continue }
        var found = [list]
        for part in parts {
          guard let answer = known(part, bucket) else { break }
          found.append(answer)
        }
        guard found.count == parts.count + 1, let own = rule.assemble(list.result.root, found.dropFirst().map(\.result.root), of: bucket),
          let document = try? JSONDocument(parsing: own, limits: .upstreamResult)
        else { continue }
        slots[index].known = Known(
          result: document, lifespan: found.map(\.lifespan).reduce(list.lifespan) { $0.shorter($1) },
          stamp: found.map(\.stamp).reduce(list.stamp) { $0.older($1) })
      }
    }
  }

  /// Fills what is not fresh with sums, where the provider's own amounts are known nowhere.
  func addUp(_ slots: inout [Slot]) async {
    if fetch.cache.hasSharedStore { await lookInSharedStore(&slots) }
    if !missing(slots).isEmpty { fill(&slots, from: buckets.sums()) }
  }

  /// Asks the wider question, in a flight of its own, and fills the slots with what its answer tells.
  /// - Returns: what was spent.
  /// - Throws: what would meet the question itself too.
  func askWider(_ ask: (call: BucketedCall, wider: any WiderRule), _ slots: inout [Slot]) async throws(CallError) -> Spent {
    // A flight that waited for itself would wait until its deadline.
    guard let question = missed.asking(ask.call), question.key != missed.key else { return Spent() }
    let asked = missing(slots)
    let flown = await fetch.join(question, deadline: terms.deadline, onProgress: terms.onProgress)
    switch flown.result {
    case .failure(let error):
      // The upstream's answer was none, which may be due to its size.
      guard error.reason == .upstreamInvalid else { throw error }
      ask.wider.refuse(on: buckets.freshness.today)
      return Spent()
    case .success(let fetched):
      if fetched.isThrottled {
        throw CallError(.throttled, "The provider throttles; try again in a minute.", retryAfter: .seconds(60))
      }
      fill(&slots, from: [ask.wider], allowingStale: fetched.source == .stale)
      if fetched.source == .stale, slots.allSatisfy({ $0.known != nil }) {
        throw CallError(.throttled, "The provider has no answer now; the last one stands.")
      }
      if !cut(fetched, ask, &slots) {
        ask.wider.refuse(on: buckets.freshness.today)
      } else if ask.wider.addsUp, missing(slots) == asked {
        ask.wider.refuseSums(on: buckets.freshness.today)
      }
      return spent(on: fetched, joined: flown.role == .joined)
    }
  }

  /// Fills what is still missing from the answer itself: not every answer stays in memory. False where it has not the form of one.
  private func cut(_ fetched: Fetched, _ ask: (call: BucketedCall, wider: any WiderRule), _ slots: inout [Slot]) -> Bool {
    let now = fetch.time.now()
    let missing = slots.indices.filter { !slots[$0].isFresh(at: now) }
    guard !missing.isEmpty else { return true }
    guard let document = try? JSONDocument(parsing: fetched.result.bytes, limits: .upstreamResult),
      let answers = ask.call.cut(document.root, of: ask.call.buckets.indices)
    else { return false }
    guard let freshUntil = fetched.freshUntil ?? fetched.trueUntil else { return true }
    let end = now + max(.zero, freshUntil - fetch.time.wall())
    let lifespan = Lifespan(bornAt: now + (.zero - fetched.age), freshUntil: end, staleUntil: end)
    for index in missing {
      let bucket = buckets.buckets[index]
      guard let position = ask.call.buckets.firstIndex(of: bucket),
        let answer = try? JSONDocument(parsing: answers[position].result, limits: .upstreamResult), let own = slice(answer, ask.wider, bucket)
      else { continue }
      slots[index].known = Known(result: own, lifespan: lifespan, stamp: fetched.stamp)
    }
    return true
  }

  private func slice(_ result: JSONDocument, _ rule: any WiderRule, _ bucket: TimeBucket) -> JSONDocument? {
    rule.slice(result.root, of: bucket).flatMap { try? JSONDocument(parsing: $0, limits: .upstreamResult) }
  }

  private func spent(on fetched: Fetched, joined: Bool) -> Spent {
    guard !joined else { return Spent(.coalesced) }
    switch fetched.source {
    case .memory, .redis, .coalesced, .stale: return Spent(.coalesced)
    case .upstream, .merged, .buckets:
      var spent = Spent()
      if case .merged = fetched.source { spent.source = fetched.source }
      spent.requests = max(0, fetched.requests - fetched.savedRequests)
      spent.cost = max(.zero, fetched.cost - fetched.savedCost)
      return spent
    }
  }
}

extension Lifespan {
  /// That of an answer made from both.
  fileprivate func shorter(_ other: Lifespan) -> Lifespan {
    Lifespan(
      bornAt: min(bornAt, other.bornAt), freshUntil: min(freshUntil, other.freshUntil), staleUntil: min(staleUntil, other.staleUntil))
  }
}
