internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirFlow
internal import WeirJSON
internal import WeirMCP
internal import WeirTenancy

/// Stages *lane*, *fetch* and *store*: brings an answer from Redis or from the upstream, and keeps it.
struct Fetch: Sendable {
  let upstreams: [Name: any Upstream]
  let lanes: [Name: ProviderLane]
  let cache: TieredStore<ToolResult>
  let writer: SharedWriter
  let time: any TimeSource
  let recorder: CallRecorder

  /// What a flight does: looks again, then asks the upstream, then keeps the answer. A stale answer from Redis is given at once, and the
  /// caller starts its renewal.
  func fly(_ missed: Missed, _ flight: FlightHandle) async -> Result<Fetched, CallError> {
    // A flight of the same key may have landed between the caller's look and this one's start.
    if let hit = cache.peek(missed.key, now: time.now()), hit.isFresh { return .success(fetched(hit, .memory)) }
    if cache.hasSharedStore {
      let asked = time.now()
      let shared = await cache.fetch(missed.key, owner: missed.permitted.caller.tenant).hit
      recorder.observe(.redis, time.now() - asked)
      if let shared { return .success(fetched(shared, shared.isFresh ? .redis : .stale)) }
    }
    return await ask(missed, flight)
  }

  /// What a renewal does: asks the upstream, whatever stale answer there is.
  func renew(_ missed: Missed, _ flight: FlightHandle) async -> Result<Fetched, CallError> {
    if let hit = cache.peek(missed.key, now: time.now()), hit.isFresh { return .success(fetched(hit, .memory)) }
    return await ask(missed, flight)
  }

  private func ask(_ missed: Missed, _ flight: FlightHandle) async -> Result<Fetched, CallError> {
    let ticket = cache.ticket(for: missed.key)
    do {
      let answer = try await send(
        missed.permitted, deadline: flight.waitersDeadline, onDispatch: { flight.markDispatched() }, onProgress: { flight.report($0) })
      if answer.verdict == .throttled, let last = cache.peek(missed.key, now: time.now()) { return .success(fetched(last, .stale)) }
      return .success(store(answer, missed, ticket))
    } catch {
      // The last answer, marked stale, is better than none.
      if let last = cache.peek(missed.key, now: time.now()), error.allowsStale { return .success(fetched(last, .stale)) }
      return .failure(error)
    }
  }

  /// An answer of the upstream, examined.
  struct Answer {
    let result: ToolResult
    let verdict: ResultVerdict
    let cost: MicroUSD
    let requests: Int
  }

  /// Through the lane to the upstream.
  func send(
    _ permitted: Permitted, deadline: Moment, onDispatch: () -> Bool, onProgress: (@Sendable (CallProgress) -> Void)?
  ) async throws(CallError) -> Answer {
    guard let upstream = upstreams[permitted.route.settings.name], let lane = lanes[permitted.provider] else {
      throw CallError(.internalFault, "No upstream or provider is configured for this tool.")
    }
    if case .down(let reason) = upstream.state { throw CallError(.upstreamDown, "The upstream \(upstream.name) is down: \(reason).") }
    let queued = time.now()
    var permit = try await lane.acquire(tenant: permitted.caller.tenant, requests: permitted.policy.requests, deadline: deadline)
    recorder.observe(.queue, time.now() - queued)
    guard onDispatch() else {
      permit.release(.notSent)
      throw CallError(.cancelled, "Every caller went away before the request was sent.")
    }
    permit.markSent()
    let started = time.now()
    let outcome = await ask(upstream, request(permitted, deadline: deadline, onProgress: onProgress), permitted, lane)
    let duration = time.now() - started
    recorder.observe(.fetch, duration)
    switch outcome {
    case .success(let answer):
      permit.release(answer.verdict == .throttled ? .throttled(retryAfter: nil) : .answered(requests: answer.requests, price: answer.cost))
      recorder.sent(permitted, result: answer.verdict.label, after: duration, cost: answer.cost)
      return answer
    case .failure(var error):
      permit.release(error.reason == .throttled ? .throttled(retryAfter: error.retryAfter) : .failed)
      // The lane bounds what the provider asks for; the caller is told what will be.
      if error.reason == .throttled, let end = lane.lane.stats.pausedUntil { error.retryAfter = max(.seconds(1), end - time.now()) }
      recorder.sent(permitted, result: error.reason.rawValue, after: duration, cost: .zero)
      throw error
    }
  }

  private func ask(
    _ upstream: any Upstream, _ request: UpstreamRequest, _ permitted: Permitted, _ lane: ProviderLane
  ) async -> Result<Answer, CallError> {
    do throws(CallError) {
      return .success(try examine(try await upstream.send(request), permitted, lane))
    } catch {
      return .failure(error)
    }
  }

  /// More provider requests than one call can make: the upstream's own count is not trusted beyond it.
  private static let mostRequests = 1000

  /// Members of `params` that are not passed on as they are. `task` asks for what Weir does not declare; a receiver without the capability
  /// answers such a call like any other (MCP 2025-11-25, tasks).
  private static let ownMembers = ["name", "_meta", "task"]

  private func request(
    _ permitted: Permitted, deadline: Moment, onProgress: (@Sendable (CallProgress) -> Void)?
  ) -> UpstreamRequest {
    let isCached = permitted.policy.caching.isCached
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("name", permitted.route.tool.name.string)
    for (name, value) in permitted.call.params.members {
      guard let key = name.string, !Self.ownMembers.contains(where: { name.isString($0) }) else { continue }
      if name.isString("arguments"), permitted.policy.sentArguments != nil { continue }
      writer.memberRaw(key, value.raw)
    }
    if let explicit = permitted.policy.sentArguments { writer.memberRaw("arguments", explicit) }
    writer.endObject()
    return UpstreamRequest(
      method: MCPMethod.toolsCall, name: permitted.route.tool.name, params: writer.bytes,
      // What a shared answer is made from must not depend on who asked first.
      meta: isCached ? nil : permitted.call.forwardedMeta, deadline: deadline, isRepeatable: isCached, onProgress: onProgress)
  }

  private func examine(_ document: JSONDocument, _ permitted: Permitted, _ lane: ProviderLane) throws(CallError) -> Answer {
    var result = try Self.normalized(document.root)
    var verdict = permitted.route.settings.policy.examine(
      tool: permitted.route.tool.name, arguments: permitted.call.params["arguments"], result: document.root, isError: result.isError)
    if case .answer(let bytes, let cap, let requests) = verdict {
      if result.isError {
        verdict = .notAnAnswer
      } else if let bytes, permitted.policy.caching.isCached, let rewritten = try? JSONDocument(parsing: bytes, limits: .upstreamResult) {
        result = try Self.normalized(rewritten.root)
        verdict = .answer(bytes: nil, cap: cap, requests: requests)
      }
    }
    // What the answer itself says, within reason; a failed call is one request, whatever it was going to ask for.
    var requests = result.isError ? 1 : permitted.policy.requests
    if case .answer(_, _, let counted?) = verdict { requests = min(max(0, counted), Self.mostRequests) }
    // Providers charge for requests that succeed (docs/money.md).
    let isCharged = !result.isError && verdict != .throttled
    return Answer(result: result, verdict: verdict, cost: isCharged ? lane.price(of: requests) : .zero, requests: requests)
  }

  private static func normalized(_ result: JSONValue) throws(CallError) -> ToolResult {
    do {
      return try ToolResult(normalizing: result)
    } catch {
      throw CallError(.upstreamInvalid, "The upstream's answer is no complete tool result: \(error.message)")
    }
  }

  /// Keeps an answer where it is one. Never fails a call.
  private func store(_ answer: Answer, _ missed: Missed, _ ticket: PurgeTicket) -> Fetched {
    guard case .answer(_, let cap, _) = answer.verdict else {
      return Fetched(result: answer.result, source: .upstream, age: .zero, freshUntil: nil, cost: answer.cost, requests: answer.requests)
    }
    let freshness = cap.map { missed.freshness.capped($0) } ?? missed.freshness
    let freshFor = missed.key.spread(freshness.fresh)
    let started = time.now()
    let entry = CacheEntry(
      value: answer.result, storedAt: time.wall(), freshFor: freshFor, staleFor: freshness.stale, cost: answer.cost,
      upstreamRequests: answer.requests)
    let rejection = cache.memory.put(missed.key, entry, owner: missed.permitted.caller.tenant, since: ticket, now: time.now())
    // What memory can't hold would be fetched from Redis on every call, so it is kept nowhere.
    if rejection == .tooLarge {
      return Fetched(result: answer.result, source: .upstream, age: .zero, freshUntil: nil, cost: answer.cost, requests: answer.requests)
    }
    writer.write(missed.key, entry, since: ticket)
    recorder.observe(.store, time.now() - started)
    return Fetched(
      result: answer.result, source: .upstream, age: .zero, freshUntil: time.wall() + freshFor, cost: answer.cost, requests: answer.requests)
  }

  private func fetched(_ hit: MemoryHit<ToolResult>, _ source: Fetched.Source) -> Fetched {
    Fetched(
      result: hit.payload, source: source, age: hit.age, freshUntil: hit.isFresh ? time.wall() + hit.remainingFreshness : nil, cost: hit.entry.cost,
      requests: hit.entry.upstreamRequests)
  }
}

extension CallError {
  /// Errors for which the last answer is given, where there is one: the provider or the upstream can't answer now.
  var allowsStale: Bool {
    switch reason {
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

extension ResultVerdict {
  /// The label of the metric `weir_upstream_calls_total`.
  var label: String {
    switch self {
    case .answer: "answered"
    case .notAnAnswer: "error_result"
    case .throttled: "throttled"
    }
  }
}

extension JSONLimits {
  /// For what upstreams answer: larger than what clients may send. The transports have bounded the bytes already.
  static let upstreamResult = JSONLimits(maxBytes: 256 << 20, maxMembers: 8_000_000)
}
