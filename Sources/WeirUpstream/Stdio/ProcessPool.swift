package import WeirCore
import WeirMCP

/// The processes of one stdio upstream: which are ready, which has the least to do, when one is started again, and which era they speak. Pure.
package struct ProcessPool: Sendable {
  package struct Slot: Sendable {
    /// What the session has agreed on; nil while there is none.
    package var info: SessionInfo?
    package var inFlight = 0
    package var starts = 0
    var readySince: Moment?
    var retryAt: Moment?
    var backoff: Backoff
  }

  package private(set) var slots: [Slot]
  private let policy: UpstreamConfiguration.EraPolicy
  private let healthyAfter: Duration
  /// What worked for this command before.
  private var knownEra: ProtocolEra?
  /// Why the last process ended or did not start.
  package private(set) var lastFailure: String?

  package init(processes: Int, policy: UpstreamConfiguration.EraPolicy, restartDelays: ClosedRange<Duration>, healthyAfter: Duration) {
    self.slots = Array(repeating: Slot(backoff: Backoff(restartDelays)), count: max(1, processes))
    self.policy = policy
    self.healthyAfter = healthyAfter
  }

  /// A process is about to be started: how to open its session.
  package mutating func starting(_ slot: Int) -> SessionMachine.Opening {
    slots[slot].starts += 1
    slots[slot].retryAt = nil
    switch policy {
    case .legacy: return .legacy
    case .modern: return .modern
    case .auto: return knownEra.map { $0 == .legacy ? .legacy : .modern } ?? .probe
    }
  }

  /// The session of a process is open.
  package mutating func opened(_ slot: Int, _ info: SessionInfo, now: Moment) {
    slots[slot].info = info
    slots[slot].readySince = now
    slots[slot].inFlight = 0
    knownEra = info.era
    lastFailure = nil
  }

  /// The session of a process has closed: it gets no more calls.
  package mutating func closed(_ slot: Int) { slots[slot].info = nil }

  /// A process is gone. Returns how long to wait before the next one.
  package mutating func ended(_ slot: Int, reason: String, whileProbing: Bool, now: Moment, random: Double) -> Duration {
    let wasReady = slots[slot].readySince != nil
    if let since = slots[slot].readySince, now - since >= healthyAfter { slots[slot].backoff.reset() }
    slots[slot].info = nil
    slots[slot].readySince = nil
    lastFailure = reason
    // Many servers exit at a request before `initialize`: that is an answer, and no reason to wait. A session that never opened in the era
    // that was remembered puts the memory in doubt.
    if whileProbing, knownEra == nil {
      knownEra = .legacy
      slots[slot].retryAt = now
      return .zero
    }
    if !wasReady { knownEra = nil }
    let delay = slots[slot].backoff.next(random: random)
    slots[slot].retryAt = now + delay
    return delay
  }

  /// The ready process with the fewest calls in flight, which gets one more.
  package mutating func take(avoiding avoided: Int? = nil) -> Int? {
    let ready = slots.indices.filter { slots[$0].info != nil }
    let preferred = ready.filter { $0 != avoided }
    guard let slot = (preferred.isEmpty ? ready : preferred).min(by: { slots[$0].inFlight < slots[$1].inFlight }) else { return nil }
    slots[slot].inFlight += 1
    return slot
  }

  /// A call that `take` had given to this slot has ended.
  package mutating func release(_ slot: Int) { slots[slot].inFlight = max(0, slots[slot].inFlight - 1) }

  package var readyCount: Int { slots.count { $0.info != nil } }
  /// What any open session has agreed on.
  package var info: SessionInfo? { slots.lazy.compactMap(\.info).first }

  /// When it makes sense to call again, where nothing is ready.
  package func retryWait(now: Moment) -> Duration {
    let next = slots.compactMap(\.retryAt).min() ?? now
    return max(next - now, .zero) + .seconds(1)
  }
}
