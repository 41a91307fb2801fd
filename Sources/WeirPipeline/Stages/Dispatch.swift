internal import WeirBilling
internal import WeirCore
internal import WeirFlow
internal import WeirJSON
internal import WeirMCP
internal import WeirTenancy

/// Stages *lane* and *fetch*: through the lane to the upstream, alone or as one with others that wait.
struct Dispatch: Sendable {
  let upstreams: [Name: any Upstream]
  let lanes: [Name: ProviderLane]
  let time: any TimeSource
  let recorder: CallRecorder

  /// What the request of a flight is asked with.
  struct Terms: Sendable {
    var deadline: Moment
    /// When the upstream must have answered, where that is not the deadline of waiting for leave.
    var answerBy: Moment?
    /// False where nobody wants the answer any more: nothing is sent then.
    let onDispatch: @Sendable () -> Bool
    let onProgress: (@Sendable (CallProgress) -> Void)?
  }

  struct Way {
    let upstream: any Upstream
    let lane: ProviderLane
  }

  /// - Throws: what the lane refuses with; what the upstream fails with; `cancelled`.
  func send(_ outgoing: Outgoing, _ terms: Terms) async throws(CallError) -> Examined {
    let way = try self.way(for: outgoing.permitted)
    let queued = time.now()
    outgoing.merging?.note()
    guard outgoing.merging != nil, let companion = Companion(outgoing, limits: way.lane.merging) else {
      return try await sendAlone(outgoing, terms, way, queued: queued)
    }
    let leave = try await way.lane.leave(companion, deadline: terms.deadline)
    recorder.observe(.queue, time.now() - queued)
    switch consume leave {
    case .permit(let permit):
      let company = permit.batch as? Company ?? Company([companion], within: companion.limits)
      return try await lead(company.withPassengers(on: CivilDate(time.wall())), permit, terms, way)
    case .carried:
      // Money is about to be spent on it.
      let isWanted = terms.onDispatch()
      guard let share = await companion.share.value(), isWanted else {
        throw CallError(.cancelled, "Every caller went away before the request was sent.")
      }
      switch share {
      case .answered(let examined): return examined
      case .failed(let error): throw error
      case .alone: return try await sendAlone(outgoing, terms, way, queued: time.now())
      }
    }
  }

  /// The refusal of a budget that stops calls even where there is a stale answer; nil where there is none.
  func stop(of permitted: Permitted) -> CallError? {
    guard let lane = lanes[permitted.provider] else { return nil }
    return lane.lane.stop(of: lane.request(permitted.caller.tenant, requests: permitted.policy.requests, deadline: permitted.deadline))
  }

  private func way(for permitted: Permitted) throws(CallError) -> Way {
    guard let upstream = upstreams[permitted.route.settings.name], let lane = lanes[permitted.provider] else {
      throw CallError(.internalFault, "No upstream or provider is configured for this tool.")
    }
    if case .down(let reason) = upstream.state { throw CallError(.upstreamDown, "The upstream \(upstream.name) is down: \(reason).") }
    return Way(upstream: upstream, lane: lane)
  }

  // MARK: Alone

  func sendAlone(_ outgoing: Outgoing, _ terms: Terms, _ way: Way, queued: Moment) async throws(CallError) -> Examined {
    let permit = try await way.lane.acquire(tenant: outgoing.permitted.caller.tenant, requests: outgoing.requests, deadline: terms.deadline)
    recorder.observe(.queue, time.now() - queued)
    return try await sendAlone(outgoing, permit, terms, way)
  }

  func sendAlone(
    _ outgoing: Outgoing, _ permit: consuming LanePermit, _ terms: Terms, _ way: Way
  ) async throws(CallError) -> Examined {
    guard terms.onDispatch() else {
      permit.release(.notSent)
      throw CallError(.cancelled, "Every caller went away before the request was sent.")
    }
    return try await exchange(
      outgoing.request(deadline: terms.answerBy ?? terms.deadline, onProgress: terms.onProgress), arguments: outgoing.arguments, for: outgoing,
      permit, way)
  }

  // MARK: The exchange

  /// One request to the upstream, with the permit for it.
  func exchange(
    _ request: UpstreamRequest, arguments: [UInt8]?, for outgoing: Outgoing, _ permit: consuming LanePermit, _ way: Way
  ) async throws(CallError) -> Examined {
    permit.markSent()
    var request = request
    if let peer = request.caller?.peer as? AskedPeer {
      request.caller?.peer = peer.lettingGo(of: permit.earlyRelease(requests: outgoing.requests, price: way.lane.price(of: outgoing.requests)))
    }
    let permitted = outgoing.permitted
    let started = time.now()
    let outcome: Result<Examined, CallError>
    do throws(CallError) {
      let document = try await way.upstream.send(request)
      let sent = arguments.flatMap { try? JSONDocument(parsing: $0).root } ?? permitted.call.params["arguments"]
      let examined = try Examined(document.root, arguments: sent, estimate: outgoing.requests, of: permitted, price: way.lane)
      let (policy, tool) = (permitted.route.settings.policy, permitted.route.tool.name)
      if examined.isAnswer { policy.learn(tool: tool, arguments: sent, result: document.root) }
      outcome = .success(examined)
    } catch {
      outcome = .failure(error)
    }
    let duration = time.now() - started
    recorder.observe(.fetch, duration)
    switch outcome {
    case .success(let examined):
      permit.release(examined.verdict == .throttled ? .throttled(retryAfter: nil) : .answered(requests: examined.requests, price: examined.cost))
      recorder.sent(permitted, result: examined.verdict.label, after: duration, requests: examined.requests, cost: examined.cost)
      return examined
    case .failure(var error):
      error.isFromUpstream = true
      permit.release(error.reason == .throttled ? .throttled(retryAfter: error.retryAfter) : .failed)
      // The lane bounds what the provider asks for; the caller is told what will be.
      if error.reason == .throttled, let end = way.lane.lane.stats.pausedUntil { error.retryAfter = max(.seconds(1), end - time.now()) }
      recorder.sent(permitted, result: error.reason.rawValue, after: duration, requests: 1, cost: .zero)
      throw error
    }
  }

  static func arguments(of outgoing: Outgoing) -> JSONValue? {
    outgoing.arguments.flatMap { try? JSONDocument(parsing: $0).root } ?? outgoing.permitted.call.params["arguments"]
  }
}
