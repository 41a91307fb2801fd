internal import NIOConcurrencyHelpers
internal import WeirBilling
package import WeirCache
package import WeirCore
package import WeirFlow
internal import WeirJSON
package import WeirMCP
package import WeirTenancy

/// The one way through: authenticate → resolve → authorize → look up → coalesce → lane → fetch → store → reply.
package final class Pipeline: Gateway {
  let tenants: TenantDirectory
  let directory: ToolDirectory
  private let cache: TieredStore<CallResult>
  let resources: ResourceCache
  let limits: RelayLimits
  let taskBook: TaskBook
  let flights: Flights<CacheKey, Fetched>
  let fetch: Fetch
  let sealer: Sealer
  let watches: WatchBook
  let recorder: CallRecorder
  private let pacer = NIOLockedValueBox(RefreshPacer())
  let time: any TimeSource
  let listTTL: Duration
  private let pageSize: Int

  /// - Parameters:
  ///   - sealer: seals what clients bring back; replicas share its secret.
  ///   - listTTL: for how long clients may call a list fresh.
  ///   - former: the pipeline whose place this one takes: what it remembers of callers is taken over.
  ///   - pageSize: how many elements of a list make a page; nil: `ListPages.usualSize`.
  package init(
    tenants: TenantDirectory, directory: ToolDirectory, upstreams: [any Upstream], lanes: [Name: ProviderLane], cache: TieredStore<CallResult>,
    writer: SharedWriter, flights: Flights<CacheKey, Fetched>, recorder: CallRecorder, time: any TimeSource, sealer: Sealer = Sealer(),
    watches: WatchBook = WatchBook(), after former: Pipeline? = nil,
    listTTL: Duration = .seconds(60), pageSize: Int? = nil
  ) {
    self.limits = former?.limits ?? RelayLimits()
    self.taskBook = former?.taskBook ?? TaskBook()
    self.tenants = tenants
    self.directory = directory
    self.cache = cache
    self.flights = flights
    self.recorder = recorder
    self.time = time
    self.listTTL = listTTL
    self.pageSize = pageSize ?? ListPages.usualSize
    self.sealer = sealer
    self.watches = watches
    self.resources = ResourceCache(cache: cache, watches: watches)
    let dispatch = Dispatch(
      upstreams: Dictionary(upstreams.map { ($0.name, $0) }) { first, _ in first }, lanes: lanes, time: time, recorder: recorder)
    self.fetch = Fetch(cache: cache, flights: flights, writer: writer, dispatch: dispatch, time: time, recorder: recorder)
  }

  /// Whether anybody may be this principal.
  package func knows(principal: Name) -> Bool { tenants.has(principal: principal) }

  /// Tells every upstream what is watched of it: one of them may be new.
  package func tellWatched() { for upstream in fetch.dispatch.upstreams.values { watches.tell(upstream) } }

  // MARK: Gateway

  package func authenticate(_ credential: PresentedCredential) throws(CallError) -> Identified {
    try tenants.identify(credential)
  }

  package func offers(_ endpoint: Endpoint, to caller: Identified) -> Bool {
    guard let tenant = tenants.tenant(caller.tenant) else { return false }
    switch endpoint {
    case .aggregate: return true
    case .upstream(let name): return directory.has(name) && tenant.allow.contains { $0.mayMatch(upstream: name) }
    }
  }

  package func instructions(at endpoint: Endpoint, for caller: Identified) -> String? {
    let snapshot = directory.snapshot
    switch endpoint {
    case .aggregate:
      guard let tenant = tenants.tenant(caller.tenant) else { return nil }
      return snapshot.instructions { name in tenant.allow.contains { $0.mayMatch(upstream: name) } }
    case .upstream(let name): return snapshot.ownInstructions(of: name)
    }
  }

  package func tools(
    at endpoint: Endpoint, for caller: Identified, in era: ProtocolEra, after cursor: [UInt8]?
  ) throws(CallError) -> Listing {
    let tenant = tenants.tenant(caller.tenant)
    let snapshot = directory.snapshot
    let routes = snapshot.routes(at: endpoint).filter { tenant?.mayCall(upstream: $0.settings.name, tool: $0.tool.name) ?? false }
    let able = readable(at: endpoint, for: caller, in: snapshot)
    let elements = routes.map { route -> ListPages.Element in
      guard endpoint == .aggregate else { return (route.tool.name, route.definition(route.tool.json, for: era)) }
      let alias = route.interface.flatMap { snapshot.alias(of: $0, from: route.settings.name, among: able) }
      return (route.aggregateName, route.definition(route.aggregateJSON(interface: alias), for: era))
    }
    return try pages(of: MCPMethod.toolsList, at: endpoint, for: caller).page(of: elements, after: cursor, now: time.wall())
  }

  func pages(of list: String, at endpoint: Endpoint, for caller: Identified) -> ListPages {
    ListPages(principal: caller.principal, endpoint: endpoint, list: list, sealer: sealer, ttl: listTTL, size: pageSize)
  }

  package func headerParameters(of tool: Name, at endpoint: Endpoint) -> HeaderParameters? {
    directory.snapshot.route(named: tool, at: endpoint)?.headerParameters
  }

  package func call(_ call: ReceivedCall, by caller: Identified) -> CallStep {
    let permitted: Permitted
    var route: ToolRoute?
    do {
      let resolved = try Resolved.resolve(call, by: caller, in: directory.snapshot)
      route = resolved.route
      permitted = try Permitted.authorize(resolved, tenants: tenants, now: time.wall())
    } catch {
      recorder.refused(error, by: caller, at: call.endpoint, route: route)
      return .finished(CallReply(body: .failure(error), outcome: .refused))
    }
    let now = time.now()
    let found = Missed.lookUp(permitted, keys: permitted.route.keys(for: caller), in: cache, now: now)
    recorder.observe(.lookup, time.now() - now)
    switch found {
    case .bypass:
      return .pending(PendingCall(isConversation: mayConverse(call.client, permitted.route.settings.name)) { await self.passThrough(permitted, $0) })
    case .hit(let missed, let hit):
      if !hit.isFresh {
        if let error = fetch.dispatch.stop(of: permitted) { return .finished(failure(permitted, error)) }
        refresh(missed, for: .renewal)
      } else if hit.isDueEarly, cache.leases != nil, missed.buckets == nil {
        // Buckets are renewed one by one.
        refresh(missed, for: .earlyRenewal(remaining: hit.earlyShare))
      }
      return .finished(reply(permitted, hit))
    case .miss(let missed):
      return .pending(PendingCall { await self.coalesce(missed, $0.onProgress) })
    }
  }

  // MARK: Behind the look-up

  /// Renews an answer behind the caller's back, unless that was tried without success a moment ago.
  private func refresh(_ missed: Missed, for purpose: Fetch.Purpose) {
    guard pacer.withLockedValue({ $0.mayRefresh(missed.key, now: time.now()) }) else { return }
    flights.refresh(missed.key, limit: fetch.limit(missed)) { [self] flight in
      let outcome = await fetch.fly(missed, flight, for: purpose)
      let isKept = if case .success(let fetched) = outcome { fetched.freshUntil != nil && fetched.source != .stale } else { false }
      pacer.withLockedValue { isKept ? $0.succeeded(missed.key) : $0.failed(missed.key, now: time.now()) }
      return outcome
    }
  }

  private func coalesce(_ missed: Missed, _ onProgress: (@Sendable (CallProgress) -> Void)?) async -> CallReply {
    let flown = await fetch.join(missed, deadline: missed.permitted.deadline, onProgress: onProgress)
    switch flown.result {
    case .success(let fetched):
      if fetched.source == .stale { refresh(missed, for: .renewal) }
      return reply(missed.permitted, fetched, joined: flown.role == .joined)
    case .failure(let error): return failure(missed.permitted, error)
    }
  }

  private func passThrough(_ permitted: Permitted, _ listener: CallListener) async -> CallReply {
    let upstream = permitted.route.settings.name
    let tasks = TaskNames(principal: permitted.caller.principal, sealer: sealer)
    let introduction = Introduction(upstream: upstream, endpoint: permitted.call.endpoint)
    let clock = CallClock(allowance: permitted.route.settings.callTimeout, time: time)
    var client = permitted.call.client
    if let asked = client, let peer = listener.peer {
      client?.peer = AskedPeer(peer: peer, names: tasks, introduction: introduction, clock: clock, client: asked)
    }
    let knowsTasks = client?.session != nil && directory.snapshot.features(of: upstream).contains(.tasks)
    let outgoing = Outgoing(permitted, client: client, mayBeTask: knowsTasks)
    let isTask = knowsTasks && permitted.call.params["task"] != nil
    do throws(CallError) {
      let isFollowed = client?.peer != nil || listener.onProgress != nil
      let terms = Dispatch.Terms(
        deadline: permitted.deadline, answerBy: isFollowed ? permitted.deadline + CallClock.longest : permitted.deadline, onDispatch: { true },
        onProgress: clock.following(listener.onProgress))
      let result: CallResult
      if isFollowed {
        result = try await clock.run(until: permitted.deadline) { [self, client] in await run(outgoing, client, terms) }
      } else {
        result = try await run(outgoing, client, terms).get()
      }
      let made = isTask || result.isTask || knowsTasks ? try renamed(result, tasks, of: upstream) : result
      return finish(permitted, made, Provenance(outcome: .bypass))
    } catch {
      return failure(permitted, introduction.introduced(error))
    }
  }

  private func run(_ outgoing: Outgoing, _ client: UpstreamCaller?, _ terms: Dispatch.Terms) async -> Result<CallResult, CallError> {
    let permitted = outgoing.permitted
    let introduction = Introduction(upstream: permitted.route.settings.name, endpoint: permitted.call.endpoint)
    let rounds = InputRounds(
      principal: permitted.caller.principal, client: client, introduction: introduction, method: MCPMethod.toolsCall, sealer: sealer, now: time.wall()
    )
    do throws(CallError) {
      return .success(
        try await rounds.run(permitted.call.params) { [fetch, time] members throws(CallError) in
          var terms = terms
          // A round after an answer of the client: it may have taken long to think.
          if client?.session != nil, !members.isEmpty { terms.deadline = max(terms.deadline, time.now() + permitted.route.settings.callTimeout) }
          return try await fetch.dispatch.send(outgoing.adding(members), terms).result
        })
    } catch {
      return .failure(error)
    }
  }

  /// The result with the id of the task that was made, if one was, as its client is to know it.
  private func renamed(_ result: CallResult, _ tasks: TaskNames, of upstream: Name) throws(CallError) -> CallResult {
    guard let root = try? JSONDocument(parsing: result.bytes, limits: .upstreamResult).root else { return result }
    let made = result.isTask ? root : root["task"]
    if let id = made?["taskId"]?.stringBytes.flatMap({ Name(utf8: $0) }) { taskBook.add(id, of: upstream, for: tasks.principal) }
    guard made != nil || root[MetaKey.meta]?[MetaKey.relatedTask] != nil else { return result }
    return try result.replacing(try tasks.renaming(root, of: upstream))
  }

  // MARK: Reply

  private func reply(_ permitted: Permitted, _ hit: MemoryHit<CallResult>) -> CallReply {
    let provenance = Provenance(
      outcome: hit.isFresh ? .hitMemory : .stale, age: hit.age, freshUntil: hit.isFresh ? time.wall() + hit.remainingFreshness : nil,
      savedRequests: hit.entry.upstreamRequests, savedCost: hit.entry.cost)
    return finish(permitted, hit.payload, provenance)
  }

  private func reply(_ permitted: Permitted, _ fetched: Fetched, joined: Bool) -> CallReply {
    // Who comes with a request that has left saves all of it.
    let isShared = joined && fetched.source.isNew
    let outcome = isShared ? .coalesced : fetched.source.outcome
    var provenance = Provenance(
      outcome: outcome, age: fetched.age, freshUntil: fetched.freshUntil, savedRequests: isShared ? fetched.requests : fetched.savedRequests,
      savedCost: isShared ? fetched.cost : fetched.savedCost)
    provenance.source = fetched.source
    return finish(permitted, fetched.result, provenance)
  }

  private func finish(_ permitted: Permitted, _ result: CallResult, _ provenance: Provenance) -> CallReply {
    recorder.answered(
      permitted, outcome: provenance.outcome, after: time.now() - permitted.call.receivedAt,
      saved: (provenance.savedRequests, provenance.savedCost))
    let told = links(of: result, from: permitted.route.settings.name, at: permitted.call.endpoint, for: permitted.caller)
    return CallReply(body: .result(told, provenance: provenance.json), outcome: provenance.outcome)
  }

  private func failure(_ permitted: Permitted, _ error: CallError) -> CallReply {
    let outcome: CallOutcome = error.isRefusal ? .refused : .error
    recorder.answered(permitted, outcome: outcome, after: time.now() - permitted.call.receivedAt, saved: (0, .zero))
    return CallReply(body: .failure(error), outcome: outcome)
  }
}

extension CallError {
  /// Weir itself did not send the call.
  var isRefusal: Bool {
    switch reason {
    case .throttled, .overBudget, .denied, .overloaded: true
    default: false
    }
  }
}
