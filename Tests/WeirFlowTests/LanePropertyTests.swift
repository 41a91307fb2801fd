import Testing
import WeirCore
import WeirFlow

@Suite("LaneMachine, everything that can happen")
struct LanePropertyTests {
  /// What a test knows of one request.
  private struct Known {
    let tenant: Name
    let group: String?
    let number: Int
    let deadline: Moment
    let cost: Int
  }

  @Test(
    "every request ends exactly once, as granted, carried, refused or cancelled; parties hold what belongs together; tokens balance",
    arguments: 1...4 as ClosedRange<UInt64>)
  func endsOnce(seed: UInt64) throws {
    var numbers = SeededNumbers(seed: seed)
    let concurrency = Int.random(in: 1...6, using: &numbers)
    let configuration = LaneConfiguration(
      limits: [try limit(20, per: .seconds(1), burst: 8)], concurrency: concurrency,
      tenantConcurrency: Int.random(in: 1...concurrency, using: &numbers),
      budgets: [BudgetLimit(per: .day, requests: 3000)], tenantBudgets: ["a": [BudgetLimit(per: .day, requests: 700)]], queueLimit: 150,
      tenantQueueLimit: 60, weights: ["b": 3])
    var rig = Rig(configuration)
    var known: [WaiterID: Known] = [:]
    var cancelled: Set<WaiterID> = []
    var out: [WaiterID: Bool] = [:]
    var (seen, spent) = (0, 0)
    var sent: [(moment: Moment, cost: Int)] = []
    for step in 0..<4000 {
      switch Int.random(in: 0..<12, using: &numbers) {
      case 0..<5:
        let group = ["x", "y", nil].randomElement(using: &numbers) ?? nil
        let number = Int.random(in: 0..<12, using: &numbers)
        let within = Duration.milliseconds(Int.random(in: 0..<15_000, using: &numbers))
        let tenant: Name = ["a", "b", "c"].randomElement(using: &numbers) ?? "a"
        let cost = Int.random(in: 1...3, using: &numbers)
        let id = rig.enqueue(
          tenant, cost: cost, within: within, company: group.map { Companion($0, number, mostMembers: 8) },
          linger: [.zero, .milliseconds(15), .seconds(2)].randomElement(using: &numbers) ?? .zero)
        known[id] = Known(tenant: tenant, group: group, number: number, deadline: rig.now + within, cost: cost)
      case 5:
        let id = WaiterID(number: UInt64.random(in: 1...UInt64(known.count + 1), using: &numbers))
        if rig.cancel(id) { #expect(cancelled.insert(id).inserted) }
      case 6, 7:
        guard let id = out.filter({ !$0.value }).keys.min(), let request = known[id] else { continue }
        rig.send(id)
        out[id] = true
        sent.append((rig.now, request.cost))
      case 8, 9:
        guard let id = out.keys.sorted().randomElement(using: &numbers), let wasSent = out[id], let request = known[id] else { continue }
        out[id] = nil
        let outcomes: [LaneOutcome] = [.answered(requests: request.cost, price: .zero), .failed, .throttled(retryAfter: .milliseconds(200))]
        rig.release(id, wasSent ? outcomes[step % 20 == 0 ? 2 : step % 20 == 1 ? 1 : 0] : .notSent)
        if wasSent { spent += step % 20 < 2 ? 1 : request.cost }
      default:
        rig.advance(.milliseconds(Int.random(in: 0..<60, using: &numbers)))
      }
      for id in rig.granted[seen...] {
        out[id] = false
        let party = rig.parties[id] ?? []
        let members = ([id] + party).compactMap { known[$0] }
        if !party.isEmpty { #expect(members.count == party.count + 1) }
        #expect(party.isEmpty || Set(members.map(\.group)).count == 1 && members.first?.group != nil)
        #expect(party.isEmpty || Set(members.map(\.number)).count == members.count)
        #expect(members.count <= 8)
      }
      seen = rig.granted.count
      let stats = rig.stats
      #expect(stats.permitsInUse == out.count)
      #expect(known.count == stats.depth + stats.granted + stats.merged + stats.refused + stats.expired + stats.cancelled)
      #expect(stats.depthByTenant.values.reduce(0, +) == stats.depth)
      let underWay = out.filter(\.value).keys.reduce(0) { $0 + (known[$1]?.cost ?? 0) }
      #expect(stats.budgets.first?.requests == spent + underWay)
    }
    for id in out.keys { rig.release(id, .notSent) }
    rig.close()
    for id in rig.granted[seen...] { rig.release(id, .notSent) }
    #expect(rig.stats.depth == 0)
    let ends = rig.granted + rig.carried + Array(rig.refused.keys) + Array(cancelled)
    #expect(ends.count == known.count)
    #expect(Set(ends) == Set(known.keys))
    #expect(Set(rig.parties.values.joined()) == Set(rig.carried))
    #expect(rig.carried.count > 100)
    #expect(rig.notices.map(\.level) == rig.notices.map(\.level).sorted())
    expectKept(sent)
  }

  /// In no stretch of time more left than 20 a second and 8 at once.
  private func expectKept(_ sent: [(moment: Moment, cost: Int)]) {
    for first in sent.indices {
      var total = 0
      for last in first..<min(first + 60, sent.count) {
        total += sent[last].cost
        let most = 8 + (sent[last].moment - sent[first].moment).inSeconds * 20
        if Double(total) > most + 0.000_001 { Issue.record("\(total) tokens left where \(most) may") }
      }
    }
  }
}
