import RedisTestSupport
import Testing
import WeirCore
import WeirFlow

@testable import WeirFleet

/// One budget, however many replicas: what they spend together stays within it.
@Suite(.serialized, .enabled(if: RedisServer.executable != nil, "redis-server is not on PATH"), .timeLimit(.minutes(3)))
struct FleetBudgetTests {
  static let limits = [
    BudgetLimit(per: .day, requests: 400), BudgetLimit(per: .day, money: MicroUSD(300_000)),
    BudgetLimit(per: .day, requests: 350, money: MicroUSD(300_000)), BudgetLimit(per: .day, requests: 9),
  ]

  private func check(_ model: BudgetFleetModel) {
    for spent in model.spent.values {
      if let most = model.limit.requests { #expect(spent.requests <= Int128(most)) }
      if let most = model.limit.money { #expect(spent.money <= Int128(most.amount)) }
    }
  }

  @Test("a budget is spent to its end by all together, and no further; the next day is another one", arguments: limits, 1...1)
  func steady(_ limit: BudgetLimit, _ seed: UInt64) async throws {
    try await withRedis { client in
      var model = BudgetFleetModel(client, limit, replicas: 3, seed: seed)
      try await model.run(milliseconds: 90_000)
      check(model)
      let spent = try #require(model.spent[model.period])
      // The dearest request takes six.
      #expect(limit.requests.map { spent.requests > Int128($0) - 6 } ?? true || limit.money != nil)
      #expect(limit.money.map { spent.money > Int128($0.amount) - 6 * 700 } ?? true || limit.requests != nil)
      model.redis.now += 86_400_000_000
      try await model.run(milliseconds: 30_000)
      check(model)
      #expect(model.spent.count == 2)
    }
  }

  enum Loss: CaseIterable, Sendable { case nothing, everything, restoresOld }

  @Test("Redis is lost, forgets, or comes back with an older state; replicas die: never more than the budget", arguments: Loss.allCases, 1...2)
  func losses(_ loss: Loss, _ seed: UInt64) async throws {
    try await withRedis { client in
      let limit = Self.limits[Int(seed) % Self.limits.count]
      var model = BudgetFleetModel(client, limit, replicas: 3, seed: seed)
      try await model.run(milliseconds: Int64(seed) * 500)
      let snapshot = try await model.redis.snapshot()
      for round in 0..<4 {
        try await model.run(milliseconds: 3000)
        if round == 1 { model.replace(0) }
        // That it is gone, and what it had claimed, is known to the others by then.
        try await model.run(milliseconds: 9000)
        model.cut(0..<3, milliseconds: 1500, stagger: 6000)
        try await model.run(milliseconds: 1000)
        switch loss {
        case .nothing: break
        case .everything: try await model.redis.forget()
        case .restoresOld:
          model.redis.run += 1
          if let snapshot { try await model.redis.restore(snapshot) }
        }
        try await model.run(milliseconds: 8000)
        // One alone is cut off, and the others go on.
        model.cut(1..<2, milliseconds: 9000, stagger: 0)
      }
      try await model.run(milliseconds: 30_000)
      check(model)
    }
  }
}
