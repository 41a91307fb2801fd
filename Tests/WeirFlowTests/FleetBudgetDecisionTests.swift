import Testing
import WeirCore

@testable import WeirFlow

/// What a budget decides that a fleet spends together.
@Suite struct FleetBudgetDecisionTests {
  private let now = WallTime(milliseconds: 1_795_392_000_000)

  private func amount(_ requests: Int) -> BudgetAmount { BudgetAmount(requests: requests, price: .zero) }

  private func told(_ budget: inout Budget) throws -> BudgetClaim {
    let claim = budget.claim(all: false, now: now)
    return try #require(claim)
  }

  private func share(_ claim: BudgetClaim, allowance: Int, spare: Int = 0, settled: Int = 0, claimed: Int = 0) -> BudgetShare {
    BudgetShare(
      index: claim.index, period: claim.period, allowance: amount(allowance), spare: amount(spare), settledByOthers: amount(settled),
      claimedByOthers: amount(claimed), claimedByAbsent: .zero)
  }

  private func budget(_ limit: BudgetLimit = BudgetLimit(per: .day, requests: 100)) -> Budget { Budget(limit, isShared: true) }

  @Test("nothing is granted that was not claimed; what is wanted is claimed with what is used")
  func claims() throws {
    var budget = budget()
    #expect(budget.claim(all: true, now: now) == nil)
    #expect(budget.reserve(amount(4), now: now) == .pending && budget.isWaiting)
    let claim = try told(&budget)
    #expect(claim.needed == amount(4) && claim.used == .zero && claim.isWaiting && !budget.isWaiting)
    #expect(claim.ends - claim.starts == .seconds(86_400) && claim.starts <= now && now < claim.ends)
    budget.learn(share(claim, allowance: 10, spare: 6), now: now)
    #expect(budget.reserve(amount(4), now: now) == .granted && budget.reserve(amount(6), now: now) == .granted)
    #expect(budget.reserve(amount(1), now: now) == .pending)
    let next = try told(&budget)
    #expect(next.needed == amount(11))
  }

  @Test("what is not needed any more is given up but for the spare part, and before it is told")
  func lowering() throws {
    var budget = budget()
    _ = budget.reserve(amount(10), now: now)
    let claim = try told(&budget)
    budget.learn(share(claim, allowance: 12, spare: 2), now: now)
    _ = budget.reserve(amount(10), now: now)
    let count = budget.commit(amount(10), now: now)
    budget.settle(amount(10), in: count, as: amount(3), now: now)
    let lowered = try told(&budget)
    #expect(lowered.used == amount(3) && lowered.settled == amount(3) && lowered.allowance == amount(5))
    #expect(budget.reserve(amount(3), now: now) == .pending)
  }

  @Test("what others have settled counts for refusals; what they only claimed does not")
  func others() throws {
    var budget = budget()
    _ = budget.reserve(amount(10), now: now)
    let claim = try told(&budget)
    budget.learn(share(claim, allowance: 0, settled: 50, claimed: 95), now: now)
    #expect(budget.reserve(amount(10), now: now) == .pending)
    budget.learn(share(claim, allowance: 0, settled: 95, claimed: 95), now: now)
    let refusal = budget.reserve(amount(10), now: now).refusal
    #expect(refusal?.reason == .overBudget && refusal?.message.contains("5 left") == true)
    #expect(budget.stats(now: now).requests == 95)
  }

  @Test("nothing new is told only where everything is asked for")
  func news() throws {
    var budget = budget()
    _ = budget.reserve(amount(1), now: now)
    let claim = try told(&budget)
    budget.learn(share(claim, allowance: 20, spare: 19), now: now)
    #expect(budget.claim(all: false, now: now) == nil)
    #expect(budget.claim(all: true, now: now) != nil)
    _ = budget.reserve(amount(1), now: now)
    let next = try told(&budget)
    #expect(next.used == amount(1))
  }

  @Test("without Redis: what was claimed, then a refusal that a stale answer may stand in for; open: the whole budget")
  func contact() throws {
    var budget = budget(BudgetLimit(per: .day, requests: 100, atLimit: .stop))
    _ = budget.reserve(amount(1), now: now)
    let claim = try told(&budget)
    budget.learn(share(claim, allowance: 6, spare: 5), now: now)
    budget.contact(.lost)
    #expect(budget.reserve(amount(6), now: now) == .granted)
    let refusal = budget.reserve(amount(1), now: now).refusal
    #expect(refusal?.reason == .overBudget && refusal?.forbidsStale == false && refusal?.retryAfter != nil)
    #expect(!budget.isWaiting)
    budget.contact(.ignored)
    #expect(budget.reserve(amount(94), now: now) == .granted)
    #expect(budget.reserve(amount(1), now: now) == .pending)
  }

  @Test("a replica that never heard its fleet in this period may spend a tenth")
  func unheard() throws {
    var budget = budget()
    budget.contact(.lost)
    #expect(budget.reserve(amount(10), now: now) == .granted)
    let refusal = budget.reserve(amount(1), now: now).refusal
    #expect(refusal != nil)
    let tomorrow = now + .seconds(86_400)
    _ = budget.commit(amount(10), now: now)
    #expect(budget.reserve(amount(10), now: tomorrow) == .granted)
  }

  @Test("a lane asks for more when a request waits for it, and lets it go when it is allowed")
  func lane() throws {
    var configuration = LaneConfiguration(budgets: [BudgetLimit(per: .day, requests: 100)])
    configuration.sharesBudgets = true
    var rig = Rig(configuration)
    let id = rig.enqueue()
    #expect(rig.granted.isEmpty && rig.claims == 1)
    let claims = rig.machine.budgets.claims(all: false, now: rig.wall)
    rig.machine.budgets.learn(claims.map { share($0, allowance: 1) }, now: rig.wall)
    rig.advance(.milliseconds(1))
    #expect(claims.count == 1 && rig.granted == [id])
  }
}
