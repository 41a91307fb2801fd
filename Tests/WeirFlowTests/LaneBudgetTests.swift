import Testing
import WeirCore
import WeirFlow

@Suite("LaneMachine, budgets of tenants")
struct LaneBudgetTests {
  private func rig(provider: [BudgetLimit] = [], _ tenants: [Name: [BudgetLimit]], concurrency: Int = 16) -> Rig {
    Rig(LaneConfiguration(concurrency: concurrency, budgets: provider, tenantBudgets: tenants))
  }

  private func spend(_ rig: inout Rig, _ tenant: Name, _ requests: Int = 1, price: MicroUSD = .zero) {
    let id = rig.enqueue(tenant, cost: requests, price: price)
    rig.send(id)
    rig.release(id, .answered(requests: requests, price: price))
  }

  @Test("a tenant's budget stops that tenant alone, and says whose it is and when it renews")
  func own() {
    var rig = rig(["a": [BudgetLimit(per: .day, requests: 2)]])
    for _ in 0..<2 { spend(&rig, "a") }
    let refused = rig.enqueue("a")
    #expect(rig.refused[refused]?.reason == .overBudget)
    #expect(
      rig.refused[refused]?.message == "Your team's budget for this provider of 2 requests a day is spent; it renews at 2026-11-24 00:00 UTC")
    let other = rig.enqueue("b")
    #expect(rig.granted.last == other)
    rig.advance(.seconds(86_400))
    let next = rig.enqueue("a")
    #expect(rig.granted.last == next)
  }

  @Test("the provider's budget holds beside the tenants', and counts what all of them took")
  func both() {
    var rig = rig(provider: [BudgetLimit(per: .day, requests: 3)], ["a": [BudgetLimit(per: .day, requests: 2)]])
    for tenant: Name in ["a", "b", "b"] { spend(&rig, tenant) }
    #expect(rig.stats.budgets.map(\.requests) == [3, 1])
    #expect(rig.stats.budgets.map(\.owner) == [.provider, .tenant("a")])
    let refused = rig.enqueue("a")
    #expect(rig.refused[refused]?.message == "The provider's budget of 3 requests a day is spent; it renews at 2026-11-24 00:00 UTC")
  }

  @Test("what is carried counts nothing: the tenant of the head pays")
  func carried() {
    var rig = rig(["a": [BudgetLimit(per: .day, requests: 10)], "b": [BudgetLimit(per: .day, requests: 10)]], concurrency: 1)
    let blocker = rig.enqueue("c")
    let head = rig.enqueue("a", company: Companion(1))
    rig.enqueue("b", company: Companion(2))
    rig.release(blocker)
    #expect(rig.carried.count == 1)
    rig.send(head)
    rig.release(head, .answered(requests: 3, price: .zero))
    #expect(rig.stats.budgets.map(\.requests) == [3, 0])
  }

  @Test("where only the estimates of a tenant's calls under way use its budget up, it waits and the others pass")
  func pending() {
    var rig = rig(["a": [BudgetLimit(per: .day, requests: 10)]])
    let first = rig.enqueue("a", cost: 8)
    let second = rig.enqueue("a", cost: 8)
    let other = rig.enqueue("b", cost: 8)
    #expect(rig.granted == [first, other])
    rig.send(first)
    rig.release(first, .answered(requests: 1, price: .zero))
    #expect(rig.granted == [first, other, second])
  }

  @Test("at 80 % the operator is told once, when it is spent once more, and in the next period again")
  func notices() {
    var rig = rig(["a": [BudgetLimit(per: .day, requests: 10)]])
    for used in 1...10 {
      spend(&rig, "a")
      #expect(rig.notices.map(\.level) == (used < 8 ? [] : used < 10 ? [.warning] : [.warning, .spent]))
    }
    #expect(rig.notices.map(\.budget.requests) == [8, 10])
    #expect(rig.notices.allSatisfy { $0.budget.owner == .tenant("a") && $0.budget.limit.requests == 10 })
    #expect(
      rig.notices.map(\.message) == [
        "80 % of the budget of tenant a of 10 requests a day is used: 8; it renews at 2026-11-24 00:00 UTC",
        "the budget of tenant a of 10 requests a day is spent: 10; calls are answered with what is kept, or refused; "
          + "it renews at 2026-11-24 00:00 UTC",
      ])
    rig.enqueue("a")
    spend(&rig, "b")
    #expect(rig.notices.count == 2)
    rig.advance(.seconds(86_400))
    spend(&rig, "a", 9)
    #expect(rig.notices.map(\.level) == [.warning, .spent, .warning])
  }

  @Test("a call that is refused since too little is left tells that calls are, though some is left")
  func refusalIsTold() {
    var rig = rig(provider: [BudgetLimit(per: .month, money: MicroUSD(25_000), atLimit: .stop)], [:])
    spend(&rig, "a", price: MicroUSD(10_000))
    #expect(rig.notices.isEmpty)
    let never = rig.enqueue(price: MicroUSD(30_000))
    #expect(rig.refused[never]?.retryAfter == nil)
    #expect(rig.notices.isEmpty)
    rig.enqueue(price: MicroUSD(20_000))
    #expect(rig.notices.map(\.level) == [.spent])
    #expect(rig.notices.map(\.budget.money) == [MicroUSD(10_000)])
    #expect(
      rig.notices.map(\.message) == [
        "the provider's budget of 0.025 USD a month is spent: 0.01 USD; calls are refused; it renews at 2026-12-01 00:00 UTC"
      ])
  }

  @Test("estimates alone warn nobody")
  func estimates() {
    var rig = rig(provider: [BudgetLimit(per: .day, requests: 10)], [:])
    let id = rig.enqueue(cost: 10)
    rig.send(id)
    #expect(rig.notices.isEmpty)
    rig.release(id, .answered(requests: 1, price: .zero))
    #expect(rig.notices.isEmpty)
  }

  @Test("the refusal says whether a stale answer may stand in for it; of two budgets the stricter decides")
  func atLimit() {
    let (stop, stale) = (BudgetLimit(per: .day, requests: 1, atLimit: .stop), BudgetLimit(per: .day, requests: 1))
    for (provider, tenant, forbids) in [([stale], [], false), ([stop], [], true), ([stale], [stop], true), ([stop], [stale], true)] {
      var rig = rig(provider: provider, ["a": tenant])
      let request = LaneRequest(tenant: "a", deadline: .distantFuture)
      #expect(rig.machine.stop(of: request, wall: rig.wall).refusal == nil)
      spend(&rig, "a")
      let refused = rig.enqueue("a")
      #expect(rig.refused[refused]?.reason == .overBudget)
      #expect(rig.refused[refused]?.forbidsStale == forbids)
      #expect(rig.machine.stop(of: request, wall: rig.wall).refusal == (forbids ? rig.refused[refused] : nil))
    }
  }
}
