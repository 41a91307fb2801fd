import Testing
import WeirCore
import WeirFlow

@Suite("LaneMachine, settlement")
struct LaneSettlementTests {
  @Test("a request for more pages than the burst goes when the bucket is full, and the next ones wait for all its pages")
  func moreThanTheBurst() throws {
    var rig = Rig(LaneConfiguration(limits: [try limit(2, per: .seconds(1), burst: 2)]))
    let first = rig.enqueue(cost: 3)
    #expect(rig.granted == [first])
    rig.send(first)
    let next = rig.enqueue()
    rig.release(first, .answered(requests: 3, price: .zero))
    rig.advance(.milliseconds(999))
    #expect(rig.granted == [first])
    rig.advance(.milliseconds(1))
    #expect(rig.granted == [first, next])
    rig.send(next)
    rig.release(next)
    let third = rig.enqueue(cost: 3)
    rig.advance(.milliseconds(999))
    #expect(rig.granted.count == 2)
    rig.advance(.milliseconds(1))
    #expect(rig.granted.last == third)
  }

  @Test("a window of 12 per 10 s with a burst of 1 lets a request of 5 pages through, and makes the next one wait for 5")
  func pagesInAWindow() throws {
    let window = try #require(RateLimit.window(12, per: .seconds(10), burst: 1))
    var rig = Rig(LaneConfiguration(limits: [window]))
    let first = rig.enqueue(cost: 5)
    rig.send(first)
    rig.advance(.milliseconds(300))
    rig.release(first, .answered(requests: 5, price: .zero))
    let second = rig.enqueue(cost: 5)
    // Five pages, one every 10 s / 12.
    rig.advance(.milliseconds(3866))
    #expect(rig.granted == [first])
    rig.advance(.milliseconds(1))
    #expect(rig.granted == [first, second])
    rig.send(second)
    rig.release(second, .answered(requests: 1, price: .zero))
    let third = rig.enqueue()
    rig.advance(.seconds(1))
    #expect(rig.granted.last == third)
  }

  @Test(
    "budgets count what a request really took, whatever was expected of it",
    arguments: [
      (.answered(requests: 10, price: MicroUSD(1000)), 10, 1000), (.answered(requests: 1, price: MicroUSD(100)), 1, 100),
      (.answered(requests: 25, price: MicroUSD(2500)), 25, 2500), (.answered(requests: 0, price: .zero), 0, 0),
      (.answered(requests: -5, price: MicroUSD(-5)), 0, 0), (.answered(requests: .max, price: MicroUSD(.max)), .max, .max),
      (.answered(requests: .min, price: MicroUSD(.min)), 0, 0), (.failed, 1, 0), (.throttled(retryAfter: nil), 1, 0), (.notSent, 1, 0),
    ] as [(LaneOutcome, Int, Int64)])
  func settlement(outcome: LaneOutcome, requests: Int, money: Int64) throws {
    var rig = Rig(LaneConfiguration(budgets: [BudgetLimit(per: .day, requests: 20), BudgetLimit(per: .month, money: MicroUSD(2000))]))
    let id = rig.enqueue(cost: 10, price: MicroUSD(1000))
    #expect(rig.stats.budgets.map(\.requests) == [0, 0])
    rig.send(id)
    #expect(rig.stats.budgets.map(\.requests) == [10, 10])
    #expect(rig.stats.budgets.map(\.money) == [MicroUSD(1000), MicroUSD(1000)])
    rig.release(id, outcome)
    #expect(rig.stats.budgets.map(\.requests) == [requests, requests])
    #expect(rig.stats.budgets.map(\.money) == [MicroUSD(money), MicroUSD(money)])
    rig.advance(.seconds(600))
    let next = rig.enqueue(price: MicroUSD(1))
    #expect(rig.refused[next]?.reason == (requests >= 20 ? .overBudget : nil))
    #expect(rig.granted.contains(next) == (requests < 20))
  }

  @Test("where only the estimates of requests under way use a budget up, the next one waits for what they really take")
  func pendingBudget() {
    var rig = Rig(LaneConfiguration(budgets: [BudgetLimit(per: .day, requests: 12)]))
    let first = rig.enqueue(cost: 10)
    let second = rig.enqueue(cost: 10)
    let third = rig.enqueue(cost: 10)
    #expect(rig.granted == [first])
    rig.send(first)
    #expect(rig.refused.isEmpty)
    rig.release(first, .answered(requests: 1, price: .zero))
    #expect(rig.granted == [first, second])
    rig.send(second)
    rig.release(second, .answered(requests: 4, price: .zero))
    #expect(
      rig.refused[third]?.message
        == "The provider's budget of 12 requests a day has 7 left and the call may need 10; it renews at 2026-11-24 00:00 UTC")
    let fourth = rig.enqueue(cost: 7)
    #expect(rig.granted.last == fourth)
    rig.release(fourth, .notSent)
    let never = rig.enqueue(cost: 13)
    #expect(rig.refused[never]?.retryAfter == nil)
    #expect(rig.refused[never]?.reason == .overBudget)
  }

  @Test("permits, tokens and money are conserved under random events")
  func conservation() throws {
    let concurrency = 5
    let configuration = LaneConfiguration(
      limits: [try limit(20, per: .seconds(1), burst: 8), try limit(600, per: .seconds(60), burst: 60)], concurrency: concurrency,
      budgets: [BudgetLimit(per: .day, requests: 100_000)], queueLimit: 200, tenantQueueLimit: 80)
    var rig = Rig(configuration)
    var numbers = SeededNumbers(seed: 77)
    var enqueued = 0
    var out: [WaiterID: Bool] = [:]
    var seen = 0
    var sent: [(moment: Moment, cost: Int)] = []
    var costs: [WaiterID: Int] = [:]
    var place: [WaiterID: Int] = [:]
    var money: Int64 = 0
    var requests = 0
    for _ in 0..<30_000 {
      switch Int.random(in: 0..<10, using: &numbers) {
      case 0..<3:
        let tenant: Name = ["a", "b", "c"].randomElement(using: &numbers) ?? "a"
        let cost = Int.random(in: 1...3, using: &numbers)
        enqueued += 1
        let price = MicroUSD(Int64(cost * 100))
        costs[rig.enqueue(tenant, cost: cost, price: price, within: .milliseconds(Int.random(in: 0..<20_000, using: &numbers)))] = cost
      case 3:
        if let id = costs.keys.min(), rig.machine.cancel(id) {
          costs[id] = nil
        }
      case 4..<6:
        if let id = out.first(where: { !$0.value })?.key {
          rig.send(id)
          out[id] = true
          place[id] = sent.count
          sent.append((rig.now, costs[id] ?? 0))
          money += Int64((costs[id] ?? 0) * 100)
          requests += costs[id] ?? 0
        }
      case 6..<8:
        guard let (id, wasSent) = out.randomElement(using: &numbers) else { continue }
        let cost = costs[id] ?? 0
        var outcome = LaneOutcome.notSent
        if wasSent, let place = place[id] {
          switch Int.random(in: 0..<200, using: &numbers) {
          case 0, 1: outcome = Bool.random(using: &numbers) ? .throttled(retryAfter: nil) : .failed
          default:
            let price = MicroUSD(Int64.random(in: 0...500, using: &numbers))
            outcome = .answered(requests: Int.random(in: 0...cost, using: &numbers), price: price)
          }
          money -= Int64(cost * 100)
          requests -= cost
          if case .answered(let made, let price) = outcome {
            sent[place].cost = made
            money += price.amount
            requests += made
          } else {
            requests += 1
          }
        }
        out[id] = nil
        costs[id] = nil
        rig.release(id, outcome)
      default:
        rig.advance(.milliseconds(Int.random(in: 0..<100, using: &numbers)))
      }
      for id in rig.granted[seen...] { out[id] = false }
      seen = rig.granted.count
      let stats = rig.stats
      #expect(stats.permitsInUse == out.count)
      #expect(stats.permitsInUse <= concurrency)
      #expect(stats.granted == rig.granted.count)
      #expect(enqueued == stats.depth + stats.granted + stats.refused + stats.expired + stats.cancelled)
      #expect(stats.budgets.first?.requests == requests)
      #expect(stats.budgets.first?.money == MicroUSD(money))
    }
    #expect(sent.count > 1000)
    for first in sent.indices {
      var total = 0
      for last in first..<min(first + 60, sent.count) {
        total += sent[last].cost
        let most = 8 + (sent[last].moment - sent[first].moment).inSeconds * 20
        if Double(total) > most + 0.000_001 { Issue.record("\(total) tokens left where \(most) may") }
      }
    }
    for id in out.keys { rig.release(id, .notSent) }
    rig.close()
    #expect(rig.stats.depth == 0)
  }
}
