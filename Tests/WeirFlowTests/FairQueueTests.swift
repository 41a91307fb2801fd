import Testing
import WeirCore
import WeirFlow

@Suite("FairQueue")
struct FairQueueTests {
  private let now = Moment.seconds(10)
  private let far = Moment.seconds(10_000)

  private struct Filler {
    var queue: FairQueue
    let ids = WaiterIDs()

    @discardableResult
    mutating func add(_ tenant: Name, cost: Int = 1, deadline: Moment, now: Moment = .seconds(10)) -> WaiterID {
      let id = ids.next()
      let refusal = queue.enqueue(id, LaneRequest(tenant: tenant, cost: cost, deadline: deadline), now: now)
      #expect(refusal == nil)
      return id
    }
  }

  private func filler(weights: [Name: Int] = [:]) -> Filler {
    Filler(queue: FairQueue(totalLimit: 100_000, tenantLimit: 100_000, weights: weights))
  }

  @Test("a light tenant is served within one round, however much a heavy one has queued")
  func light() {
    var filler = filler()
    for _ in 0..<1000 { filler.add("heavy", deadline: far) }
    _ = filler.queue.popHead()
    filler.add("light", deadline: far)
    let served = (0..<2).compactMap { _ in filler.queue.popHead()?.request.tenant }
    #expect(served.contains("light"))
  }

  @Test("weights 3 to 1 share 10,000 turns 3 to 1, within 5 %", arguments: [1, 4])
  func weights(largestCost: Int) {
    var filler = filler(weights: ["a": 3])
    var numbers = SeededNumbers(seed: 41)
    var served: [Name: Int] = [:]
    for tenant: Name in ["a", "b"] {
      for _ in 0..<10_000 { filler.add(tenant, cost: Int.random(in: 1...largestCost, using: &numbers), deadline: far) }
    }
    for _ in 0..<10_000 {
      guard let entry = filler.queue.popHead() else { break }
      served[entry.request.tenant, default: 0] += entry.request.cost
    }
    let ratio = Double(served["a"] ?? 0) / Double(served["b"] ?? 1)
    #expect(abs(ratio - 3) < 0.15)
  }

  @Test("tokens are shared, not turns: who asks for dear calls gets fewer of them")
  func cost() {
    var filler = filler()
    for _ in 0..<1000 {
      filler.add("dear", cost: 5, deadline: far)
      filler.add("cheap", cost: 1, deadline: far)
    }
    var served: [Name: Int] = [:]
    for _ in 0..<600 {
      if let entry = filler.queue.popHead() { served[entry.request.tenant, default: 0] += 1 }
    }
    #expect(abs((served["cheap"] ?? 0) - 500) <= 5)
    #expect(abs((served["dear"] ?? 0) - 100) <= 1)
  }

  @Test("within a tenant the earliest deadline goes first, and equal ones in the order of their coming")
  func deadlines() {
    var filler = filler()
    let ids = [30.0, 20, 40, 20, 10].map { filler.add("a", deadline: .seconds($0 + 100)) }
    let served = (0..<5).compactMap { _ in filler.queue.popHead()?.id }
    #expect(served == [4, 1, 3, 0, 2].map { ids[$0] })
  }

  @Test("a tenant that passes saves up no turns for later")
  func passing() {
    var filler = filler(weights: ["a": 3])
    for tenant: Name in ["a", "b"] {
      for _ in 0..<100 { filler.add(tenant, deadline: far) }
    }
    for _ in 0..<20 {
      #expect(filler.queue.head()?.request.tenant == "a")
      #expect(filler.queue.head(skipping: ["a"])?.request.tenant == "b")
      #expect(filler.queue.head(skipping: ["b"])?.request.tenant == "a")
    }
    let served = (0..<16).compactMap { _ in filler.queue.popHead()?.request.tenant }
    #expect(served.count { $0 == "a" } == 12)
  }

  @Test("bounds for all and for each tenant")
  func bounds() {
    var queue = FairQueue(totalLimit: 3, tenantLimit: 2)
    let ids = WaiterIDs()
    func add(_ tenant: Name, to queue: inout FairQueue) -> FairQueue.Refusal? {
      queue.enqueue(ids.next(), LaneRequest(tenant: tenant, deadline: far), now: now)
    }
    let refusals = ["a", "a", "a", "b", "b"].map { add($0, to: &queue) }
    #expect(refusals == [nil, nil, .tenantFull, nil, .queueFull])
    #expect(queue.countByTenant == ["a": 2, "b": 1])
  }

  @Test("what is estimated to go first does go first, to within one round, for random queues")
  func estimate() {
    var numbers = SeededNumbers(seed: 12)
    for _ in 0..<200 {
      var filler = filler()
      for _ in 0..<Int.random(in: 0..<60, using: &numbers) {
        let tenant: Name = ["a", "b", "c"].randomElement(using: &numbers) ?? "a"
        filler.add(tenant, deadline: .seconds(Double(Int.random(in: 100..<200, using: &numbers))))
      }
      let request = LaneRequest(tenant: "a", deadline: .seconds(150))
      let estimate = filler.queue.ahead(of: request).cost
      let id = filler.ids.next()
      _ = filler.queue.enqueue(id, request, now: now)
      var ahead = 0
      while let entry = filler.queue.popHead(), entry.id != id { ahead += 1 }
      #expect(abs(ahead - estimate) <= 3)
    }
  }

  @Test("random coming, serving, leaving and expiring loses nobody and serves nobody twice")
  func conservation() {
    var numbers = SeededNumbers(seed: 5)
    var filler = filler(weights: ["b": 4])
    var waiting: [WaiterID: Moment] = [:]
    var clock = now
    for _ in 0..<20_000 {
      switch Int.random(in: 0..<10, using: &numbers) {
      case 0..<5:
        let tenant: Name = ["a", "b", "c", "d"].randomElement(using: &numbers) ?? "a"
        let deadline = clock + .seconds(Int.random(in: 1..<500, using: &numbers))
        waiting[filler.add(tenant, cost: Int.random(in: 1...3, using: &numbers), deadline: deadline, now: clock)] = deadline
      case 5..<8:
        let head = filler.queue.head()
        let entry = filler.queue.popHead()
        #expect(head == entry)
        #expect((entry == nil) == waiting.isEmpty)
        if let entry { #expect(waiting.removeValue(forKey: entry.id) != nil) }
      case 8:
        guard let id = waiting.keys.min() else { continue }
        #expect(filler.queue.remove(id) != nil)
        waiting[id] = nil
      default:
        clock = clock + .seconds(3)
        for entry in filler.queue.removeExpired(by: clock) {
          let deadline = waiting.removeValue(forKey: entry.id)
          #expect(deadline.map { $0 <= clock } == true)
        }
        #expect(waiting.values.allSatisfy { $0 > clock })
      }
      #expect(filler.queue.count == waiting.count)
      #expect(filler.queue.nextDeadline == waiting.values.min())
    }
  }
}
