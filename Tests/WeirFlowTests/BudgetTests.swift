import Testing
import WeirCore
import WeirFlow

@Suite("Budget")
struct BudgetTests {
  /// 2026-11-23T18:00:00Z.
  private let evening = WallTime(milliseconds: 1_795_392_000_000) + .seconds(18 * 3600)
  private let cent = MicroUSD(10_000)

  private func spend(_ budget: inout Budget, _ price: MicroUSD, at now: WallTime) -> CallError? {
    if let refusal = budget.reserve(price, now: now) { return refusal }
    budget.commit(price, now: now)
    return nil
  }

  @Test("the request after the last one of the day is refused, and told when the day ends")
  func daily() throws {
    var budget = Budget(BudgetLimit(per: .day, requests: 3))
    for _ in 0..<3 { #expect(spend(&budget, cent, at: evening) == nil) }
    let refusal = try #require(spend(&budget, cent, at: evening))
    #expect(refusal.reason == .overBudget)
    #expect(refusal.retryAfter == .seconds(6 * 3600))
    #expect(refusal.message == "The provider's budget of 3 requests a day is spent; it renews at 2026-11-24 00:00 UTC, in 6 h.")
    #expect(spend(&budget, cent, at: evening + .seconds(6 * 3600) + .milliseconds(-1)) != nil)
    #expect(spend(&budget, cent, at: evening + .seconds(6 * 3600)) == nil)
  }

  @Test("a month's money is counted to the cent, and renews on the first of the next, also over the new year")
  func monthly() throws {
    var budget = Budget(BudgetLimit(per: .month, money: MicroUSD(25_000)))
    #expect(spend(&budget, cent, at: evening) == nil)
    #expect(spend(&budget, cent, at: evening) == nil)
    #expect(spend(&budget, cent, at: evening)?.reason == .overBudget)
    #expect(spend(&budget, .zero, at: evening) == nil)
    let stats = budget.stats(now: evening)
    #expect(stats.money == MicroUSD(20_000))
    #expect(stats.moneyLeft == MicroUSD(5000))
    #expect(stats.requestsLeft == nil)
    #expect(stats.renewsAt - evening == .seconds(7 * 86_400 + 6 * 3600))
    let december = evening + .seconds(30 * 86_400)
    #expect(spend(&budget, cent, at: december) == nil)
    #expect(budget.stats(now: december).renewsAt == WallTime(milliseconds: 1_798_761_600_000))
  }

  @Test("what is set aside counts, what is given back does not")
  func reservations() {
    var budget = Budget(BudgetLimit(per: .day, requests: 1, money: cent))
    #expect(budget.reserve(cent, now: evening) == nil)
    #expect(budget.reserve(cent, now: evening) != nil)
    budget.cancel(cent)
    #expect(budget.reserve(cent, now: evening) == nil)
    budget.commit(cent, now: evening)
    #expect(budget.stats(now: evening).requestsLeft == 0)
  }

  @Test("a clock that goes back over midnight does not give the day's budget again")
  func clockBack() {
    var budget = Budget(BudgetLimit(per: .day, requests: 1))
    #expect(spend(&budget, cent, at: evening) == nil)
    #expect(spend(&budget, cent, at: evening + .seconds(-86_400)) != nil)
  }

  @Test("any time of any clock is a day", arguments: [Int64.min, -1, 0, 1, Int64.max])
  func edges(milliseconds: Int64) {
    var budget = Budget(BudgetLimit(per: .month, requests: 1))
    #expect(spend(&budget, cent, at: WallTime(milliseconds: milliseconds)) == nil)
    #expect(spend(&budget, cent, at: WallTime(milliseconds: milliseconds)) != nil)
  }
}
