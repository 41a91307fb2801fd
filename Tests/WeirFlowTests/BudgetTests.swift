import Testing
import WeirCore
import WeirFlow

@Suite("Budget")
struct BudgetTests {
  /// 2026-11-23T18:00:00Z.
  private let evening = WallTime(milliseconds: 1_795_392_000_000) + .seconds(18 * 3600)
  private let cent = BudgetAmount(requests: 1, price: MicroUSD(10_000))
  private let free = BudgetAmount(requests: 1, price: .zero)

  /// Sets aside, sends and settles as estimated. - Returns: the refusal.
  private func spend(_ budget: inout Budget, _ amount: BudgetAmount, at now: WallTime) -> CallError? {
    let decision = budget.reserve(amount, now: now)
    guard decision == .granted else { return decision.refusal }
    let count = budget.commit(amount, now: now)
    budget.settle(amount, in: count, as: amount, now: now)
    return nil
  }

  @Test("the request after the last one of the day is refused, and told when the day ends")
  func daily() throws {
    var budget = Budget(BudgetLimit(per: .day, requests: 3))
    for _ in 0..<3 { #expect(spend(&budget, cent, at: evening) == nil) }
    let refusal = try #require(spend(&budget, cent, at: evening))
    #expect(refusal.reason == .overBudget)
    #expect(refusal.retryAfter == .seconds(6 * 3600))
    #expect(refusal.message == "The provider's budget of 3 requests a day is spent; it renews at 2026-11-24 00:00 UTC")
    #expect(spend(&budget, cent, at: evening + .seconds(6 * 3600) + .milliseconds(-1)) != nil)
    #expect(spend(&budget, cent, at: evening + .seconds(6 * 3600)) == nil)
  }

  @Test("a month's money is counted to the cent, and renews on the first of the next, also over the new year")
  func monthly() throws {
    var budget = Budget(BudgetLimit(per: .month, money: MicroUSD(25_000)))
    #expect(spend(&budget, cent, at: evening) == nil)
    #expect(spend(&budget, cent, at: evening) == nil)
    let refusal = try #require(spend(&budget, cent, at: evening))
    #expect(
      refusal.message
        == "The provider's budget of 0.025 USD a month has 0.005 USD left and the call may cost 0.01; it renews at 2026-12-01 00:00 UTC")
    #expect(spend(&budget, free, at: evening) == nil)
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
    var budget = Budget(BudgetLimit(per: .day, requests: 1, money: MicroUSD(10_000)))
    #expect(budget.reserve(cent, now: evening) == .granted)
    #expect(budget.reserve(cent, now: evening) == .pending)
    budget.cancel(cent)
    #expect(budget.reserve(cent, now: evening) == .granted)
    let count = budget.commit(cent, now: evening)
    #expect(budget.stats(now: evening).requestsLeft == 0)
    #expect(budget.reserve(cent, now: evening) == .pending)
    budget.settle(cent, in: count, as: cent, now: evening)
    #expect(budget.reserve(cent, now: evening).refusal?.reason == .overBudget)
  }

  @Test("a request settled on the next day gives nothing back to it, and what it took more counts there")
  func overMidnight() {
    let morning = evening + .seconds(8 * 3600)
    let ten = BudgetAmount(requests: 10, price: MicroUSD(100))
    for (requests, price, counted) in [(1, 10, 0), (10, 100, 0), (13, 130, 3)] as [(Int, Int64, Int)] {
      var budget = Budget(BudgetLimit(per: .day, requests: 100))
      #expect(budget.reserve(ten, now: evening) == .granted)
      let count = budget.commit(ten, now: evening)
      #expect(spend(&budget, cent, at: morning) == nil)
      budget.settle(ten, in: count, as: BudgetAmount(requests: requests, price: MicroUSD(price)), now: morning)
      #expect(budget.stats(now: morning).requests == 1 + counted)
      #expect(budget.stats(now: morning).money == MicroUSD(10_000 + Int64(counted * 10)))
    }
  }

  @Test("sums of the largest numbers are exact: taking one off again leaves the others")
  func exactness() {
    var budget = Budget(BudgetLimit(per: .day, requests: .max))
    let most = BudgetAmount(requests: .max, price: MicroUSD(.max))
    #expect(spend(&budget, cent, at: evening) == nil)
    #expect(budget.reserve(free, now: evening) == .granted)
    let count = budget.commit(free, now: evening)
    budget.settle(free, in: count, as: most, now: evening)
    #expect(budget.stats(now: evening).requests == .max)
    #expect(budget.stats(now: evening).money == MicroUSD(.max))
    #expect(budget.reserve(free, now: evening).refusal != nil)
    let sum = most + most + cent
    #expect(sum - most - most == cent)
  }

  @Test("under random events what is counted is what was settled and what is under way, and estimates never exceed the limit")
  func conservation() {
    var numbers = SeededNumbers(seed: 5)
    var budget = Budget(BudgetLimit(per: .day, requests: 500, money: MicroUSD(40_000)))
    var (reserved, sent): ([BudgetAmount], [(estimate: BudgetAmount, count: Int)]) = ([], [])
    var settled = BudgetAmount.zero
    var refusals = 0
    for _ in 0..<5000 {
      switch Int.random(in: 0..<4, using: &numbers) {
      case 0:
        let estimate = BudgetAmount(
          requests: Int.random(in: 1...9, using: &numbers), price: MicroUSD(Int64.random(in: 0...900, using: &numbers)))
        if budget.reserve(estimate, now: evening) == .granted { reserved.append(estimate) } else { refusals += 1 }
      case 1 where !reserved.isEmpty:
        let estimate = reserved.removeFirst()
        if Bool.random(using: &numbers) {
          sent.append((estimate, budget.commit(estimate, now: evening)))
        } else {
          budget.cancel(estimate)
        }
      case 2 where !sent.isEmpty:
        let (estimate, count) = sent.removeFirst()
        let actual = BudgetAmount(
          requests: Int.random(in: 0...Int(estimate.requests), using: &numbers),
          price: MicroUSD(Int64.random(in: 0...Int64(estimate.money), using: &numbers)))
        budget.settle(estimate, in: count, as: actual, now: evening)
        settled = settled + actual
      default: break
      }
      let spent = sent.reduce(settled) { $0 + $1.estimate }
      let total = reserved.reduce(spent, +)
      let stats = budget.stats(now: evening)
      #expect(Int128(stats.requests) == spent.requests)
      #expect(Int128(stats.money.amount) == spent.money)
      #expect(total.requests <= 500)
      #expect(total.money <= 40_000)
    }
    #expect(refusals > 0)
    #expect(settled.requests > 400 || settled.money > 30_000)
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
