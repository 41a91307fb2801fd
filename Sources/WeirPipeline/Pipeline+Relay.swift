internal import WeirCache
package import WeirCore
internal import WeirFlow
internal import WeirJSON
internal import WeirMCP
package import WeirTenancy

/// Everything beside tools: lists of what upstreams have, and requests that are brought to them as they are.
extension Pipeline {
  package func features(at endpoint: Endpoint, for caller: Identified) -> UpstreamFeatures {
    let snapshot = directory.snapshot
    let all = upstreams(at: endpoint, for: caller).reduce(into: UpstreamFeatures()) { $0.formUnion(snapshot.features(of: $1)) }
    // Tools are offered to those, too, who may call some.
    return all.union(.tools)
  }

  package func list(_ kind: CatalogKind, at endpoint: Endpoint, for caller: Identified, after cursor: [UInt8]?) throws(CallError) -> Listing {
    let items = directory.snapshot.items(kind, at: endpoint, of: upstreams(at: endpoint, for: caller))
    return try pages(of: kind.listMethod, at: endpoint, for: caller).page(of: items, after: cursor, now: time.wall())
  }

  package func relay(_ request: RelayedRequest, by caller: Identified) -> CallStep {
    let snapshot = directory.snapshot
    do throws(CallError) {
      let feature = request.method.feature(for: request.era)
      let able = upstreams(at: request.endpoint, for: caller).filter { name in feature.map { snapshot.features(of: name).contains($0) } ?? false }
      let tasks = TaskNames(principal: caller.principal, sealer: sealer)
      let targets = try snapshot.targets(of: request, among: able, tasks: tasks, now: time.wall())
      if let kept = kept(request, targets, caller) { return .finished(kept) }
      // To end a task must always be possible, and to wait for one is what `tasks/result` is for.
      let isCounted = request.method != .cancelTask && request.method != .taskResult
      if isCounted { try limits.begin(caller.tenant) }
      return .pending(
        PendingCall(isConversation: targets.contains { mayConverse(request.client, $0.upstream) }) { [self] in
          defer { if isCounted { limits.end(caller.tenant) } }
          if request.method == .listTasks { return await listTasks(request, of: targets.map(\.upstream), by: caller) }
          return await bring(request, to: targets, by: caller, $0)
        })
    } catch {
      recorder.relayed(request.method, upstream: nil, tenant: caller.tenant, outcome: .refused, after: time.now() - request.receivedAt)
      return .finished(CallReply(body: .failure(error), outcome: .refused))
    }
  }

  /// What is known already of a resource that only one upstream may have.
  private func kept(_ request: RelayedRequest, _ targets: [RelayTarget], _ caller: Identified) -> CallReply? {
    guard targets.count == 1, let target = targets.first, let settings = directory.settings[target.upstream],
      let place = resources.place(of: request, target, settings, caller), let result = resources.answer(at: place, now: time.now())
    else { return nil }
    recorder.relayed(
      request.method, upstream: target.upstream, tenant: caller.tenant, outcome: .hitMemory, after: time.now() - request.receivedAt)
    return CallReply(body: .result(finished(result, request, target, caller), provenance: nil), outcome: .hitMemory)
  }

  package func watch(_ uris: [Name], at endpoint: Endpoint, by caller: Identified, for watcher: Name) -> [Name] {
    let snapshot = directory.snapshot
    let able = upstreams(at: endpoint, for: caller).filter { snapshot.features(of: $0).contains(.subscriptions) }
    var told: Set<Name> = []
    var seen: Set<Name> = []
    let watched = uris.prefix(WatchBook.mostPerWatcher).filter { uri in
      guard seen.insert(uri).inserted, let (upstream, own) = try? snapshot.owner(of: uri, at: endpoint, among: able),
        watches.add(watcher, of: caller.tenant, upstream: upstream, uri: own, alias: uri)
      else { return false }
      told.insert(upstream)
      return true
    }
    tell(told)
    return watched
  }

  package func unwatch(_ uri: Name?, for watcher: Name) { tell(watches.remove(watcher, uri: uri)) }

  package func rootsChanged(in session: Name) {
    for upstream in fetch.dispatch.upstreams.values { upstream.rootsChanged(of: session) }
  }

  private func tell(_ upstreams: Set<Name>) {
    for name in upstreams { if let upstream = fetch.dispatch.upstreams[name] { watches.tell(upstream) } }
  }

  func mayConverse(_ client: UpstreamCaller?, _ upstream: Name) -> Bool {
    client?.mayConverse(with: directory.snapshot.features(of: upstream)) ?? false
  }

  /// The upstreams of an endpoint that are all for this caller, sorted.
  func upstreams(at endpoint: Endpoint, for caller: Identified) -> [Name] {
    guard let tenant = tenants.tenant(caller.tenant) else { return [] }
    let names: [Name] = if case .upstream(let name) = endpoint { [name] } else { directory.upstreamNames }
    return names.filter { tenant.mayUseAll(of: $0) }
  }

  // MARK: On the way

  /// Asks one upstream after the other where it is not known whose a resource is; the answer of the first that has it.
  private func bring(_ request: RelayedRequest, to targets: [RelayTarget], by caller: Identified, _ listener: CallListener) async -> CallReply {
    var found: CallError?
    for target in targets {
      do throws(CallError) {
        let (result, outcome) = try await read(request, from: target, by: caller, listener)
        recorder.relayed(request.method, upstream: target.upstream, tenant: caller.tenant, outcome: outcome, after: time.now() - request.receivedAt)
        return CallReply(body: .result(finished(result, request, target, caller), provenance: nil), outcome: outcome)
      } catch {
        // One that is away may be the one that has it, and does not keep the others from being asked.
        if found == nil || found?.isNotFound == true { found = told(error, request, target, caller) }
        if error.reason == .cancelled { break }
      }
    }
    let last = refusal(of: request, asked: targets.count, found)
    let outcome: CallOutcome = last.isRefusal ? .refused : .error
    recorder.relayed(
      request.method, upstream: targets.count == 1 ? targets.first?.upstream : nil, tenant: caller.tenant, outcome: outcome,
      after: time.now() - request.receivedAt)
    return CallReply(body: .failure(last), outcome: outcome)
  }

  /// What a client is told of a request that nobody has answered: where several were asked for a resource and none has it, that is Weir's to say.
  private func refusal(of request: RelayedRequest, asked count: Int, _ found: CallError?) -> CallError {
    if let found, count == 1 || !found.isNotFound || request.method != .readResource { return found }
    var error = CallError(.invalidParams, "Resource not found: nobody here has it.")
    if request.method == .readResource { error.missingResource = request.params["uri"]?.stringBytes.flatMap { Name(utf8: $0) } }
    return error
  }

  /// An upstream's error with the resource that it names (`data.uri`) as this client knows it.
  private func told(_ error: CallError, _ request: RelayedRequest, _ target: RelayTarget, _ caller: Identified) -> CallError {
    var error = Introduction(upstream: target.upstream, endpoint: request.endpoint).introduced(error)
    guard request.endpoint == .aggregate, let data = error.upstreamData.flatMap({ try? JSONDocument(parsing: $0).root }), data.kind == .object,
      let links = links(from: target.upstream, for: caller)
    else { return error }
    error.upstreamData = links.renamedURI(data, asked: target)
    return error
  }

  /// Brings the request to its upstream; a resource that this principal is reading already is read once.
  private func read(
    _ request: RelayedRequest, from target: RelayTarget, by caller: Identified, _ listener: CallListener
  ) async throws(CallError) -> (CallResult, CallOutcome) {
    guard let settings = directory.settings[target.upstream] else {
      throw CallError(.internalFault, "No upstream of this name is configured.")
    }
    guard listener.peer == nil, let place = resources.place(of: request, target, settings, caller) else {
      return (try await bring(request, to: target, settings, by: caller, listener), .bypass)
    }
    let flown = await fetch.join(
      place.own, of: place.scopes, deadline: request.receivedAt + settings.callTimeout, limit: settings.callTimeout, onProgress: listener.onProgress
    ) { [self] flight in
      let tickets = resources.tickets(at: place)
      do throws(CallError) {
        let own = CallListener { flight.report($0) }
        let result = try await bring(request, to: target, settings, by: caller, own)
        resources.keep(result, at: place, since: tickets, now: time.now(), wall: time.wall())
        return .success(Fetched(relayed: result, since: tickets.own))
      } catch {
        return .failure(error)
      }
    }
    let result = try flown.result.get().result
    // What asks for input is for who is asked.
    if flown.role == .joined, result.unfinishedType != nil { return (try await bring(request, to: target, settings, by: caller, listener), .bypass) }
    return (result, flown.role == .joined ? .coalesced : .miss)
  }

  private func bring(
    _ request: RelayedRequest, to target: RelayTarget, _ settings: UpstreamSettings, by caller: Identified, _ listener: CallListener
  ) async throws(CallError) -> CallResult {
    guard let upstream = fetch.dispatch.upstreams[target.upstream] else {
      throw CallError(.internalFault, "No upstream of this name is configured.")
    }
    let tasks = TaskNames(principal: caller.principal, sealer: sealer)
    let introduction = Introduction(upstream: target.upstream, endpoint: request.endpoint)
    let clock = CallClock(allowance: settings.callTimeout, time: time)
    var client = request.client
    if let asked = client, let peer = listener.peer {
      client?.peer = AskedPeer(peer: peer, names: tasks, introduction: introduction, clock: clock, client: asked)
    }
    let own = try Self.object(target.params)
    // The result of a task is waited for as long as the task takes.
    let end = request.receivedAt + settings.callTimeout + (request.method == .taskResult ? UpstreamCaller.questionPatience : .zero)
    let sent = UpstreamRequest(
      method: request.method.name, name: target.name, params: [], meta: request.params.forwardedMeta, caller: client,
      deadline: client?.peer != nil || listener.onProgress != nil ? end + CallClock.longest : end, isRepeatable: request.method.isRepeatable,
      onProgress: clock.following(listener.onProgress))
    let rounds = InputRounds(
      principal: caller.principal, client: client, introduction: introduction, method: request.method.name, sealer: sealer, now: time.wall())
    let result = try await clock.run(until: end) {
      do throws(CallError) {
        return .success(
          try await rounds.run(request.params) { members throws(CallError) in
            var sent = sent
            var params = own
            for (name, value) in members { params = try Self.object(value.map { params.setting(name, to: $0) } ?? params.removing([name])) }
            sent.params = params.raw
            return try Self.result(try await upstream.send(sent).root, of: request.method)
          })
      } catch {
        return .failure(error)
      }
    }
    guard request.method.isOfTasks else { return result }
    return try result.replacing(try tasks.renaming(introduction.introduced(try TaskNames.parse(result.bytes)), of: target.upstream))
  }

  /// The result as this client is told it: how long it is fresh must be said, and what one team may read another may not.
  private func finished(_ result: CallResult, _ request: RelayedRequest, _ target: RelayTarget, _ caller: Identified) -> CallResult {
    if request.method == .getPrompt { return links(of: result, from: target.upstream, at: request.endpoint, for: caller) }
    guard request.method == .readResource, result.unfinishedType == nil else { return result }
    let own = result.lifetime
    let result = result.living(
      CallResult.Lifetime(milliseconds: own?.milliseconds ?? 0, isPublic: tenants.isOpen && (own?.isPublic ?? false)))
    guard request.endpoint == .aggregate, let links = links(from: target.upstream, for: caller) else { return result }
    return (try? links.renamingContents(of: result, asked: target)) ?? result
  }

  /// The result with the resources that it names as clients of this endpoint know them.
  func links(of result: CallResult, from upstream: Name, at endpoint: Endpoint, for caller: Identified) -> CallResult {
    guard endpoint == .aggregate, result.namesResources, let links = links(from: upstream, for: caller) else { return result }
    return (try? links.renaming(result)) ?? result
  }

  /// What clients of the aggregate call the resources of an upstream; nil where this caller may read none of them.
  private func links(from upstream: Name, for caller: Identified) -> ResourceLinks? {
    let snapshot = directory.snapshot
    let able = readable(at: .aggregate, for: caller, in: snapshot)
    return able.contains(upstream) ? ResourceLinks(upstream: upstream, upstreams: able, snapshot: snapshot) : nil
  }

  /// The upstreams whose resources this caller may read here.
  func readable(at endpoint: Endpoint, for caller: Identified, in snapshot: ToolDirectory.Snapshot) -> [Name] {
    upstreams(at: endpoint, for: caller).filter { snapshot.features(of: $0).contains(.resources) }
  }

  static func object(_ bytes: [UInt8]) throws(CallError) -> JSONValue {
    do { return try JSONDocument(parsing: bytes).root } catch { throw CallError(.invalidParams, error.message) }
  }

  private static func result(_ value: JSONValue, of method: RelayedRequest.Method) throws(CallError) -> CallResult {
    do {
      return try CallResult(relaying: value, isTool: false, isCacheable: method == .readResource)
    } catch {
      throw CallError(.upstreamInvalid, "The upstream's answer is invalid: \(error.message)")
    }
  }
}

extension CallError {
  /// The upstream has no such resource: −32002 up to 2025-11-25, −32602 from 2026-07-28 on.
  var isNotFound: Bool {
    reason == .upstreamError && (upstreamCode == RPCErrorObject.resourceNotFound || upstreamCode == RPCErrorObject.invalidParams)
  }
}
