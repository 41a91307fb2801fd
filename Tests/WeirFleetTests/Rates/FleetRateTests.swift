import RedisTestSupport
import Testing
import WeirCore
import WeirFlow

@testable import WeirFleet

/// The limit of a fleet, whatever happens: no stretch of time sees more than `burst + count × t / period` over all replicas.
@Suite(.serialized, .enabled(if: RedisServer.executable != nil, "redis-server is not on PATH"), .timeLimit(.minutes(5)))
struct FleetRateTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let limits: [RateLimit]
    var cost = 1
    var overestimates = 0
    var seed: UInt64 = 1
    /// Of what could leave, how much has to in the long run, in percent.
    var least = 85
    var testDescription: String {
      limits.map { "\($0.count) in \($0.period), burst \($0.burst)" }.joined(separator: "; ") + "; cost \(cost), seed \(seed)"
    }
  }

  static func limit(_ count: Int, _ period: Duration, _ burst: Int) -> RateLimit { RateLimit(count: count, period: period, burst: burst)! }

  static let cases: [Case] = [
    Case(limits: [limit(100, .seconds(1), 30)]),
    Case(limits: [limit(100, .seconds(1), 30)], cost: 8, overestimates: 60, seed: 2, least: 50),
    Case(limits: [limit(7, .seconds(3), 4)], cost: 2, overestimates: 30, seed: 3, least: 50),
    Case(limits: [limit(900, .seconds(1), 300)], seed: 4),
    Case(limits: [limit(50, .seconds(1), 3)], seed: 5, least: 40),
    Case(limits: [limit(12, .seconds(10), 3), limit(54, .seconds(60), 7), limit(526, .seconds(3600), 75)], seed: 6, least: 0),
  ]

  @Test("late tokens, late replies and lost ones: the limit holds, and is used", arguments: cases)
  func steady(_ example: Case) async throws {
    try await withRedis { client in
      var model = FleetModel(client, SharedRateSettings(limits: example.limits), replicas: 3, seed: example.seed)
      (model.largestCost, model.overestimates) = (example.cost, example.overestimates)
      try await model.run(milliseconds: 24_000)
      for limit in example.limits { #expect(model.requests.excess(over: limit) == 0) }
      let late = model.requests.total(after: 12_000_000)
      let most = example.limits.map { Double($0.count) * 12 / $0.period.inSeconds }.min() ?? 0
      #expect(late * 100 >= Int(most) * example.least, "\(late) of \(most)")
    }
  }

  enum Loss: CaseIterable, Sendable {
    case nothing, everything, run, restoresOld
  }

  @Test(
    "Redis is lost and comes back, knowing all, nothing, or an older state: the limit holds all the time", arguments: Loss.allCases, cases.prefix(3))
  func losses(_ loss: Loss, _ example: Case) async throws {
    try await withRedis { client in
      var model = FleetModel(client, SharedRateSettings(limits: example.limits), replicas: 3, seed: example.seed + 100)
      (model.largestCost, model.overestimates, model.throttles) = (example.cost, example.overestimates, 20)
      try await model.run(milliseconds: 4000)
      let snapshot = try await model.redis.snapshot()
      for pause: Int64 in [800, 9000, 3000] {
        try await model.run(milliseconds: 6000)
        model.cut(milliseconds: pause, stagger: 4000)
        try await model.run(milliseconds: pause / 2)
        switch loss {
        case .nothing: break
        case .everything: try await model.redis.forget()
        case .run: model.redis.run += 1
        case .restoresOld:
          model.redis.run += 1
          if let snapshot { try await model.redis.restore(snapshot) }
        }
        try await model.run(milliseconds: pause / 2 + 6000)
      }
      for limit in example.limits { #expect(model.requests.excess(over: limit) == 0) }
      #expect(model.requests.total(after: 40_000_000) > 0 || example.least == 0)
    }
  }

  @Test("a replica that dies takes its tokens along, and one that starts gets no more than there is", arguments: cases)
  func deaths(_ example: Case) async throws {
    try await withRedis { client in
      var model = FleetModel(client, SharedRateSettings(limits: example.limits), replicas: 4, seed: example.seed + 200)
      (model.largestCost, model.overestimates) = (example.cost, example.overestimates)
      for round in 0..<8 {
        try await model.run(milliseconds: 4000)
        model.replace(round % 4)
      }
      for limit in example.limits { #expect(model.requests.excess(over: limit) == 0) }
    }
  }
}
