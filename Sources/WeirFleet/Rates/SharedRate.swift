package import Logging
internal import NIOConcurrencyHelpers
package import WeirCore
package import WeirFlow
internal import WeirRedis

/// One provider's rate and budgets, shared by a fleet: fills the reservoir that the provider's lane takes tokens from, and claims budgets for it.
/// One call to Redis at a time carries all that there is to say.
package final class SharedRate: Sendable {
  private let provider: Name
  private let fleet: Fleet
  private let key: [UInt8]
  private let settings: SharedRateSettings
  private let logger: Logger
  private let jitter: @Sendable () -> Double
  private let reservoir: NIOLockedValueBox<Reservoir>
  private let alarm: Alarm
  private let script: RedisScript
  /// The clock for the lane: with Redis' civil time.
  package let time: FleetTime

  package convenience init(
    provider: Name, settings: SharedRateSettings, fleet: Fleet, time: any TimeSource, logger: Logger,
    jitter: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
  ) {
    self.init(provider: provider, settings: settings, fleet: fleet, time: time, logger: logger, jitter: jitter, script: RateScript.script)
  }

  init(
    provider: Name, settings: SharedRateSettings, fleet: Fleet, time: any TimeSource, logger: Logger, jitter: @escaping @Sendable () -> Double,
    script: RedisScript
  ) {
    self.provider = provider
    self.fleet = fleet
    self.settings = settings
    self.logger = logger
    self.jitter = jitter
    self.script = script
    self.time = FleetTime(time)
    key = fleet.keys.part("rate", ofProvider: provider.string)
    reservoir = NIOLockedValueBox(Reservoir(settings))
    alarm = Alarm(time: time)
  }

  /// For the provider's lane.
  package var limiter: any RateLimiter { SharedLimiter(reservoir: reservoir) { [alarm] in alarm.set($0) } }

  /// A request waits for more of a budget.
  package func claim() {
    alarm.set(
      reservoir.withLockedValue { reservoir in
        reservoir.wantClaim()
        return reservoir.nextWake
      })
  }

  package var stats: SharedRateStats {
    reservoir.withLockedValue { SharedRateStats(isAlone: $0.isAlone, losses: $0.losses, calls: $0.calls, stranded: $0.stranded) }
  }

  /// Speaks for `lane` until cancelled. The Redis client has to run.
  package func run(for lane: Lane) async {
    alarm.set(time.now())
    await alarm.run {
      await self.exchange(lane)
      return self.reservoir.withLockedValue { $0.nextWake }
    }
  }

  /// Says goodbye, with what is owed and used. To be called when `run` has returned and the lane has ended, while the Redis client still runs.
  package func leave(_ lane: Lane) async {
    let call = reservoir.withLockedValue { $0.farewell() }
    _ = await ask(call, claims: lane.claims(all: true))
  }

  private func exchange(_ lane: Lane) async {
    let replicas = fleet.roster.members.count
    let now = time.now()
    guard let call = reservoir.withLockedValue({ $0.nextCall(replicas: replicas, now: now) }) else { return }
    let claims = lane.claims(all: call.isComplete)
    let result = await ask(call, claims: claims)
    if Task.isCancelled { return }
    switch result {
    case .success(let reply): received(reply, call, claims, sentAt: now, lane)
    case .failure(let failure): failed(failure, call, lane)
    }
  }

  private func received(_ reply: RateReply, _ call: RateCall, _ claims: [BudgetClaim], sentAt: Moment, _ lane: Lane) {
    let now = time.now()
    time.learn(reply.clock)
    let isSatisfied = claims.allSatisfy { claim in
      !claim.isWaiting || reply.budgets.contains { $0.index == claim.index && BudgetAmount.smaller($0.allowance, claim.needed) == claim.needed }
    }
    let isBack = reservoir.withLockedValue { reservoir in
      reservoir.claimed(isSatisfied: isSatisfied, now: now)
      return reservoir.received(reply, to: call, sentAt: sentAt, jitter: jitter(), now: now)
    }
    if isBack { logger.info("the provider's rate limit is shared again", metadata: ["provider": "\(provider)"]) }
    lane.learn(reply.budgets, contact: .heard)
  }

  private func failed(_ failure: Failure, _ call: RateCall, _ lane: Lane) {
    let now = time.now()
    let isLost = reservoir.withLockedValue { $0.failed(call, isLate: failure.isLate, now: now) }
    // Whoever waits asks again.
    guard isLost else { return lane.poke() }
    let metadata: Logger.Metadata = ["provider": "\(provider)", "without_redis": "\(settings.withoutRedis.rawValue)", "reason": "\(failure.text)"]
    logger.warning("Redis does not answer: the provider's rate limit is not shared", metadata: metadata)
    lane.learn([], contact: settings.withoutRedis == .open ? .ignored : .lost)
  }

  private struct Failure: Error {
    let text: String
    var isLate = false
  }

  private func ask(_ call: RateCall, claims: [BudgetClaim]) async -> Result<RateReply, Failure> {
    let now = time.now()
    let view = reservoir.withLockedValue { $0.view }
    let arguments = call.arguments(fleet.id, settings, view: view, claims: claims, now: now)
    do {
      let answer = try await fleet.client.evaluate(script, keys: [key], arguments: arguments)
      if let reply = RateReply(answer, windows: settings.limits.count, claims: claims) { return .success(reply) }
      if case .error(let text) = answer { return .failure(Failure(text: text)) }
      return .failure(Failure(text: "an answer that is none"))
    } catch {
      return .failure(Failure(text: error.description, isLate: error.code == .overloaded))
    }
  }
}
