internal import WeirCache
internal import WeirCore
internal import WeirFlow
internal import WeirMCP
internal import WeirTenancy

/// A flight where replicas share theirs: one of them asks, the others wait for what it brings. `LeaseMachine` decides, this acts.
struct FleetFlight: Sendable {
  let fetch: Fetch
  let missed: Missed
  let flight: FlightHandle
  let purpose: Fetch.Purpose
  let leases: any LeaseStore
  let token = LeaseToken.random()

  private var time: any TimeSource { fetch.time }
  private var recorder: CallRecorder { fetch.recorder }

  func run() async -> Result<Fetched, CallError> {
    let signal = WakeSignal()
    let listener = leases.listen(for: missed.key) { signal.wake() }
    defer { leases.stopListening(listener) }
    var machine = LeaseMachine(longest: missed.permitted.route.settings.callTimeout, patience: leases.patience)
    while true {
      let asked = time.now()
      let found = await look()
      // The lease may have been given to a flight that is over.
      if Task.isCancelled { return giveBack() }
      switch machine.receive(found.answer, asked: asked, now: time.now(), hearsWakes: leases.hearsWakes, jitter: .random(in: 0...1)) {
      case .finish: return settled(found, hasFollowed: machine.hasFollowed)
      case .lead: return await lead(takingOver: machine.hasFollowed, waited: time.now() - asked)
      case .askAlone: return await askAlone(found)
      case .giveUp: return giveUp()
      case .wait(let moment):
        let isWoken = await signal.wait(until: moment, on: time)
        if Task.isCancelled { return machine.isInTheDark ? giveBack() : left() }
        if machine.hasFollowed { recorder.woken(by: isWoken ? .message : .look) }
        if let beat = machine.beat(now: time.now()) { flight.report(.othersAsk(beat)) }
      }
    }
  }

  // MARK: What others have

  private func look() async -> LeasedLookup<CallResult> {
    let asked = time.now()
    defer { recorder.observe(.redis, time.now() - asked) }
    return await fetch.cache.look(
      missed.key, of: missed.permitted.scopes, owner: missed.permitted.caller.tenant, LeaseQuestion(token: token, fresherThan: purpose.fresherThan))
  }

  private func settled(_ found: LeasedLookup<CallResult>, hasFollowed: Bool) -> Result<Fetched, CallError> {
    if hasFollowed { recorder.flew(.followed) }
    switch found {
    case .hit(let hit) where hit.isFresh && hasFollowed: return .success(fetch.fetched(hit, .coalesced))
    case .hit(let hit): return fetch.found(hit, missed)
    case .marker(.failure(let bytes)): return fetch.lastOr(CallError(shared: bytes), missed)
    default: return .failure(CallError(.internalFault, "A flight ended without an answer; try again."))
    }
  }

  /// Without a lease: the store says nothing, or that each is to ask for itself. What is renewed would not be kept then.
  private func askAlone(_ found: LeasedLookup<CallResult>) async -> Result<Fetched, CallError> {
    guard case .marker = found else {
      recorder.flew(.local)
      // The lease may have been given all the same, and the word of it been lost.
      leases.endLater(missed.key, token, as: .nothing)
      return await fetch.askAlone(missed, flight)
    }
    recorder.flew(.unshared)
    if purpose != .answer, let last = fetch.peek(missed) { return .success(fetch.fetched(last, .stale)) }
    return await fetch.askAlone(missed, flight)
  }

  private func giveUp() -> Result<Fetched, CallError> {
    recorder.flew(.timedOut)
    return fetch.lastOr(
      CallError(.timedOut, "Another replica has been asking for this for too long; try again in a few seconds.", retryAfter: .seconds(5)), missed)
  }

  // MARK: Asking for all

  /// - Parameter waited: for the store, until it gave the lease.
  private func lead(takingOver: Bool, waited: Duration) async -> Result<Fetched, CallError> {
    recorder.flew(.led)
    if takingOver { recorder.tookOver() }
    switch await askRenewing() {
    case .success(let fetched): return .success(await keep(fetched, within: max(Self.leastPatience, leases.patience - waited)))
    case .failure(let error):
      if Task.isCancelled { return giveBack() }
      let lifetime = error.sharedLifetime
      fetch.cache.mark(missed.key, token, lifetime.map { _ in .failure(error.shared) }, lifetime: lifetime)
      return fetch.lastOr(error, missed)
    }
  }

  /// Asks, and prolongs the lease meanwhile.
  private func askRenewing() async -> Result<Fetched, CallError> {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await renew() }
      defer { group.cancelAll() }
      do throws(CallError) {
        return .success(try await fetch.ask(missed, flight))
      } catch {
        return .failure(error)
      }
    }
  }

  /// Until cancelled, or the lease is lost: what was asked for is waited for all the same, since it is paid for.
  private func renew() async {
    var pause = LeaseMachine.renewal
    while !Task.isCancelled {
      do { try await time.sleep(until: time.now() + pause) } catch { return }
      switch await leases.renew(missed.key, token) {
      case .accepted: pause = LeaseMachine.renewal
      case .refused: return
      case .unavailable: pause = LeaseMachine.renewalRetry
      }
    }
  }

  /// The store may cost a call its patience once, for the look and this together.
  private static let leastPatience = Duration.milliseconds(5)

  private func keep(_ fetched: Fetched, within patience: Duration) async -> Fetched {
    guard let keeping = fetched.keeping else {
      share(fetched)
      return fetched
    }
    let started = time.now()
    let kept = await fetch.cache.commit(
      missed.key, keeping.entry, owner: missed.permitted.caller.tenant, token, since: keeping.ticket, within: patience)
    if kept.receipt == .refused { recorder.flew(.leaseLost) }
    recorder.observe(.store, time.now() - started)
    return fetched.settled(isKept: kept.isKept, now: time.wall())
  }

  /// Tells others of an answer that is not kept.
  private func share(_ fetched: Fetched) {
    if fetched.isThrottled {
      let error = CallError.providerThrottles
      fetch.cache.mark(missed.key, token, .failure(error.shared), lifetime: error.sharedLifetime)
    } else {
      // Why the last answer was given again may concern one tenant or this replica alone: others ask for themselves.
      fetch.cache.mark(missed.key, token, fetched.source == .stale ? nil : .unshared)
    }
  }

  /// Nobody waits here any more, or this replica ends: others go on at once.
  private func giveBack() -> Result<Fetched, CallError> {
    fetch.cache.mark(missed.key, token, nil)
    return left()
  }

  private func left() -> Result<Fetched, CallError> {
    recorder.flew(.left)
    return .failure(CallError(.cancelled, "Every caller went away before the answer came."))
  }
}

extension LeasedLookup {
  /// What it means for the flight.
  fileprivate var answer: LeaseMachine.Answer {
    switch self {
    case .hit, .marker(.failure): .settled
    case .marker(.unshared): .unshared
    case .led: .led
    case .followed(let remaining): .followed(remaining: remaining)
    case .late: .late
    case .unavailable: .unavailable
    }
  }
}

extension CallProgress {
  /// Another replica is asking; said for the `count`th time. Below what upstreams count with, since numbers have to rise.
  fileprivate static func othersAsk(_ count: Int) -> CallProgress {
    CallProgress(params: Array(#"{"progress":\#(Double(count) / 1000),"message":"waiting for the same question of another caller"}"#.utf8))
  }
}
