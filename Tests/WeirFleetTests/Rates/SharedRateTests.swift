import Logging
import NIOConcurrencyHelpers
import RedisTestSupport
import Testing
import WeirCore
import WeirFlow
import WeirRedis
import WeirTestSupport

@testable import WeirFleet

/// Lanes of several replicas with one real Redis, by the clock of the machine.
@Suite(.serialized, .enabled(if: RedisServer.executable != nil, "redis-server is not on PATH"), .timeLimit(.minutes(3)))
struct SharedRateTests {
  /// One replica's way to the provider.
  struct Replica: Sendable {
    let rate: SharedRate
    let lane: Lane
    let client: RedisClient

    func acquire(_ cost: Int = 1, within: Duration = .seconds(60)) async throws(CallError) -> LanePermit {
      try await lane.acquire(LaneRequest(tenant: "a", cost: cost, deadline: rate.time.now() + within))
    }

    /// One request from leave to answer. - Returns: why it did not leave.
    func request(
      _ cost: Int = 1, within: Duration = .seconds(60), outcome: LaneOutcome? = nil, onSent: @Sendable () -> Void = {}
    ) async -> CallError? {
      do throws(CallError) {
        var permit = try await acquire(cost, within: within)
        permit.markSent()
        onSent()
        permit.release(outcome ?? .answered(requests: cost, price: .zero))
        return nil
      } catch {
        return error
      }
    }
  }

  private func withReplicas(
    _ count: Int, _ settings: SharedRateSettings, budgets: [BudgetLimit] = [], server: RedisServer, log: LogLines = LogLines(level: .info),
    _ body: ([Replica]) async throws -> Void
  ) async throws {
    var configuration = RedisConfiguration(.single(server.endpoint))
    configuration.commandTimeout = .milliseconds(500)
    configuration.connectTimeout = .seconds(5)
    let logger = Logger(label: "test") { _ in log }
    let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
    let replicas = try (0..<count).map { _ in
      let client = try RedisClient(configuration: configuration, logger: quiet)
      let time = SystemTime()
      let fleet = Fleet(client: client, prefix: "test", time: time)
      let rate = SharedRate(provider: "p", settings: settings, fleet: fleet, time: time, logger: logger)
      var lanes = LaneConfiguration(limits: settings.limits, budgets: budgets)
      lanes.sharesBudgets = true
      let lane = Lane(name: "p", configuration: lanes, time: rate.time, limiter: rate.limiter, onClaim: { rate.claim() })
      return (Replica(rate: rate, lane: lane, client: client), fleet)
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (replica, _) in replicas { group.addTask { await replica.client.run() } }
      for (replica, _) in replicas { try #require(await replica.client.waitUntilReady(timeout: .seconds(30))) }
      for (replica, fleet) in replicas {
        group.addTask { await fleet.run() }
        group.addTask { await replica.lane.run() }
        group.addTask { await replica.rate.run(for: replica.lane) }
        await replica.lane.started()
      }
      try await body(replicas.map(\.0))
      group.cancelAll()
    }
  }

  @Test("two replicas that want all they can get stay within the limit together, and use it")
  func together() async throws {
    let limit = try #require(RateLimit(count: 60, period: .seconds(1), burst: 20))
    try await RedisServer.with { server in
      try await withReplicas(2, SharedRateSettings(limits: [limit]), server: server) { replicas in
        let clock = SystemTime()
        let end = clock.now() + .seconds(5)
        let times = NIOLockedValueBox(Requests())
        await withTaskGroup(of: Void.self) { group in
          for replica in replicas {
            for _ in 0..<8 {
              group.addTask {
                while clock.now() < end {
                  _ = await replica.request(within: end - clock.now()) {
                    let now = clock.now()
                    times.withLockedValue { $0.times.append((now.nanoseconds / 1000, 1)) }
                  }
                }
              }
            }
          }
        }
        let requests = times.withLockedValue { $0 }
        #expect(requests.excess(over: limit) == 0)
        // A new state of two replicas waits for 2.5 s: 170 are left of five seconds.
        #expect(requests.total() > 100, "\(requests.total()) of about 170")
      }
    }
  }

  @Test("what the provider says to one replica holds for the other")
  func pauses() async throws {
    let limit = try #require(RateLimit(count: 1000, period: .seconds(1), burst: 100))
    try await RedisServer.with { server in
      try await withReplicas(2, SharedRateSettings(limits: [limit]), server: server) { replicas in
        #expect(await replicas[1].request() == nil)
        #expect(await replicas[0].request(outcome: .throttled(retryAfter: .seconds(30))) == nil)
        while replicas[1].lane.stats.pausedUntil == nil, !Task.isCancelled { await Task.yield() }
        let refusal = await replicas[1].request(within: .seconds(5))
        #expect(refusal?.reason == .throttled)
        #expect((20...33).contains(refusal?.retryAfter?.inSeconds ?? 0))
        #expect(replicas[1].lane.stats.slowdown > 1.3)
      }
    }
  }

  @Test("replicas spend one budget to its end, and both say when it renews")
  func budget() async throws {
    let limits = [BudgetLimit(per: .month, requests: 30)]
    try await RedisServer.with { server in
      try await withReplicas(2, SharedRateSettings(limits: []), budgets: limits, server: server) { replicas in
        let refusals = await withTaskGroup(of: CallError?.self) { group in
          for index in 0..<60 { group.addTask { await replicas[index % 2].request() } }
          return await group.reduce(into: [CallError]()) { list, refusal in if let refusal { list.append(refusal) } }
        }
        #expect(refusals.count == 30 && refusals.allSatisfy { $0.reason == .overBudget && $0.retryAfter != nil })
        #expect(replicas.allSatisfy { $0.lane.stats.budgets[0].requests == 30 })
      }
    }
  }

  @Test("Redis dies and comes back: the replica goes on with its part, says so once, and shares again")
  func loss() async throws {
    let limit = try #require(RateLimit(count: 1000, period: .seconds(1), burst: 100))
    try await RedisServer.with { server in
      let log = LogLines(level: .info)
      try await withReplicas(1, SharedRateSettings(limits: [limit]), server: server, log: log) { replicas in
        #expect(await replicas[0].request() == nil)
        await server.kill()
        while !replicas[0].rate.stats.isAlone { try await Task.sleep(for: .milliseconds(5)) }
        for _ in 0..<20 { #expect(await replicas[0].request() == nil) }
        try await server.start()
        while replicas[0].rate.stats.isAlone { try await Task.sleep(for: .milliseconds(5)) }
        #expect(await replicas[0].request() == nil)
        #expect(replicas[0].rate.stats.losses == 1)
        let lines = log.lines
        #expect(lines.count == 2 && lines[0].contains("not shared") && lines[1].contains("shared again"))
      }
    }
  }
}
