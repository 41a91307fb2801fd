import Testing
import WeirCore
import WeirFlow

@Suite("LaneMachine, company")
struct LaneCompanyTests {
  private let linger = Duration.milliseconds(15)

  @Test("a request that could have company lingers, and goes by itself when its time is over")
  func lingers() {
    var rig = Rig(LaneConfiguration())
    let id = rig.enqueue(company: Companion(1), linger: linger)
    #expect(rig.granted.isEmpty)
    #expect(rig.stats.depth == 1)
    #expect(rig.timer == rig.now + linger)
    rig.advance(.milliseconds(14))
    #expect(rig.granted.isEmpty)
    rig.advance(.milliseconds(1))
    #expect(rig.granted == [id])
    #expect(rig.parties[id] == [])
    #expect(rig.stats.merged == 0)
  }

  @Test("without company, or without a linger, nothing is waited for", arguments: [(nil, 15), (Companion(1), 0)] as [(Companion?, Int)])
  func atOnce(company: Companion?, milliseconds: Int) {
    var rig = Rig(LaneConfiguration())
    let id = rig.enqueue(company: company, linger: .milliseconds(milliseconds))
    #expect(rig.granted == [id])
  }

  @Test("twelve that come within the linger leave as one: one permit, one token, one estimate")
  func dozen() throws {
    var rig = Rig(
      LaneConfiguration(limits: [try limit(1, per: .seconds(1), burst: 5)], budgets: [BudgetLimit(per: .day, requests: 100)]))
    var ids: [WaiterID] = []
    for number in 0..<12 {
      ids.append(rig.enqueue(["a", "b", "c"][number % 3], company: Companion(number), linger: linger))
      rig.advance(.milliseconds(1))
    }
    rig.advance(.milliseconds(3))
    #expect(rig.granted == [ids[0]])
    #expect(Set(rig.carried) == Set(ids.dropFirst()))
    #expect(rig.carried == rig.parties[ids[0]])
    #expect(rig.stats.depth == 0)
    #expect(rig.stats.permitsInUse == 1)
    #expect(rig.stats.merged == 11)
    #expect(rig.stats.windows.map(\.available) == [4])
    rig.send(ids[0])
    rig.release(ids[0], .answered(requests: 2, price: .zero))
    #expect(rig.stats.budgets.map(\.requests) == [2])
    #expect(rig.granted.count == 1)
  }

  @Test("the batch holds the head first, then its company in the order in which it was told to take it along")
  func batchAndOrder() throws {
    var machine = LaneMachine(LaneConfiguration())
    let (ids, now, wall) = (WaiterIDs(), Moment.seconds(1), WallTime(milliseconds: 0))
    var waiting: [WaiterID] = []
    for number in 0..<4 {
      let request = LaneRequest(tenant: "a", deadline: now + .seconds(60), company: Companion(number), linger: linger)
      waiting.append(ids.next())
      #expect(machine.enqueue(waiting[number], request, now: now, wall: wall) == [.setTimer(now + linger)])
    }
    let actions = machine.timer(now: now + linger, wall: wall)
    #expect(actions.count == 4)
    guard case .grant(waiting[0], waited: linger, with: let party?)? = actions.first else {
      Issue.record("\(actions)")
      return
    }
    #expect(party.members.map(\.id) == Array(waiting[1...]))
    #expect(try #require(party.batch as? Batch).numbers == [0, 1, 2, 3])
    #expect(party.members.compactMap { ($0.companion as? Companion)?.number } == [1, 2, 3])
    #expect(Array(actions[1...]) == waiting[1...].map { .carry($0, waited: linger) })
  }

  @Test("while the rate limit holds them up, requests gather, and all of them leave with the next token")
  func throttled() throws {
    var rig = Rig(LaneConfiguration(limits: [try limit(1, per: .seconds(10), burst: 1)]))
    let first = rig.enqueue()
    rig.send(first)
    rig.release(first)
    var ids: [WaiterID] = []
    for number in 0..<30 {
      ids.append(rig.enqueue(number % 2 == 0 ? "a" : "b", company: Companion(number), linger: linger))
      rig.advance(.milliseconds(100))
    }
    #expect(rig.granted == [first])
    #expect(rig.stats.depth == 30)
    rig.advance(.milliseconds(6999))
    #expect(rig.granted == [first])
    rig.advance(.milliseconds(1))
    #expect(rig.granted == [first, ids[0]])
    #expect(rig.stats.merged == 29)
    #expect(rig.stats.depth == 0)
  }

  @Test("those who still linger leave early with a head of their group that waited for its token")
  func early() throws {
    var rig = Rig(LaneConfiguration(limits: [try limit(1, per: .seconds(1), burst: 1)]))
    let first = rig.enqueue()
    rig.send(first)
    let head = rig.enqueue(company: Companion(1))
    rig.advance(.milliseconds(995))
    let late = rig.enqueue(company: Companion(2), linger: linger)
    rig.advance(.milliseconds(5))
    #expect(rig.granted == [first, head])
    #expect(rig.carried == [late])
  }

  @Test("different groups never leave together, and neither does what has no company")
  func groups() {
    var rig = Rig(LaneConfiguration(concurrency: 1))
    let blocker = rig.enqueue()
    let ids = [Companion("x", 1), Companion("y", 2), nil, Companion("x", 3), Companion("y", 4)].map { rig.enqueue(company: $0) }
    for id in [blocker] + ids where rig.granted.contains(id) { rig.release(id) }
    #expect(rig.granted == [blocker, ids[0], ids[1], ids[2]])
    #expect(rig.parties[ids[0]] == [ids[3]])
    #expect(rig.parties[ids[1]] == [ids[4]])
    #expect(rig.parties[ids[2]] == [])
  }

  @Test("whom the batch does not admit keeps its place, and is asked again by the next head")
  func refusedByTheBatch() {
    var rig = Rig(LaneConfiguration(concurrency: 1))
    let blocker = rig.enqueue()
    // Equal numbers do not go together.
    let ids = [1, 1, 2, 2, 3].map { rig.enqueue(company: Companion($0)) }
    rig.release(blocker)
    #expect(rig.parties[ids[0]] == [ids[2], ids[4]])
    #expect(rig.stats.depth == 2)
    rig.release(ids[0])
    #expect(rig.granted.last == ids[1])
    #expect(rig.parties[ids[1]] == [ids[3]])
  }

  @Test("a batch that is full leaves the rest where it is, in order")
  func full() {
    var rig = Rig(LaneConfiguration(concurrency: 1))
    let blocker = rig.enqueue()
    let ids = (0..<10).map { rig.enqueue(company: Companion($0, mostMembers: 4)) }
    rig.release(blocker)
    #expect(rig.parties[ids[0]] == Array(ids[1...3]))
    rig.release(ids[0])
    #expect(rig.parties[ids[4]] == Array(ids[5...7]))
    rig.release(ids[4])
    #expect(rig.parties[ids[8]] == [ids[9]])
  }

  @Test("company is taken from all tenants in turn, within a tenant the earliest deadline first")
  func fairCompany() {
    var rig = Rig(LaneConfiguration(concurrency: 1))
    let blocker = rig.enqueue()
    let heavy = (0..<6).map { rig.enqueue("heavy", within: .seconds(100 - $0), company: Companion($0, mostMembers: 5)) }
    let light = rig.enqueue("light", within: .seconds(200), company: Companion(7))
    rig.release(blocker)
    #expect(rig.granted.last == heavy[5])
    #expect(rig.parties[heavy[5]] == [heavy[4], light, heavy[3], heavy[2]])
  }

  @Test("being carried uses no turn of the tenant's: its other requests go when they would have gone")
  func turns() {
    var rig = Rig(LaneConfiguration(concurrency: 1))
    let blocker = rig.enqueue("z")
    let head = rig.enqueue("a", company: Companion(0))
    let carried = (1...5).map { rig.enqueue("b", company: Companion($0)) }
    let (others, own) = ((0..<3).map { _ in rig.enqueue("a") }, (0..<3).map { _ in rig.enqueue("b") })
    rig.release(blocker)
    #expect(rig.parties[head] == carried)
    for _ in 0..<6 { if let last = rig.granted.last { rig.release(last) } }
    let order = rig.granted.dropFirst(2).map { others.contains($0) ? "a" : own.contains($0) ? "b" : "?" }
    #expect(order == ["b", "a", "b", "a", "b", "a"])
  }

  @Test("a tenant that has all the permits it may have is carried by another one's head, and holds none for it")
  func fullTenant() {
    var rig = Rig(LaneConfiguration(concurrency: 3, tenantConcurrency: 1))
    let hanging = rig.enqueue("a")
    let waiting = rig.enqueue("a", company: Companion(1))
    #expect(rig.granted == [hanging])
    let other = rig.enqueue("b", company: Companion(2))
    #expect(rig.granted == [hanging, other])
    #expect(rig.carried == [waiting])
    #expect(rig.stats.permitsInUse == 2)
    rig.release(hanging)
    rig.release(other)
    #expect(rig.stats.permitsInUse == 0)
  }

  @Test("many that stop lingering at once still leave room for other tenants")
  func shareAtOnce() {
    var rig = Rig(LaneConfiguration(concurrency: 4, tenantConcurrency: 2))
    let ids = (0..<5).map { rig.enqueue("a", company: Companion("g\($0)", 0), linger: linger) }
    rig.advance(linger)
    #expect(rig.granted == Array(ids[0..<2]))
    let other = rig.enqueue("b")
    #expect(rig.granted.last == other)
  }

  @Test("a caller leaves while it lingers, while it queues, or as the head; the others go")
  func cancel() {
    var rig = Rig(LaneConfiguration(concurrency: 1))
    let blocker = rig.enqueue()
    let ids = (0..<4).map { rig.enqueue(company: Companion($0)) }
    let lingering = (4..<6).map { rig.enqueue(company: Companion($0), linger: linger) }
    #expect(rig.cancel(ids[0]) == true)
    #expect(rig.cancel(ids[2]) == true)
    #expect(rig.cancel(lingering[0]) == true)
    #expect(rig.cancel(lingering[0]) == false)
    #expect(rig.stats.depth == 3)
    rig.release(blocker)
    #expect(rig.granted == [blocker, ids[1]])
    #expect(rig.parties[ids[1]] == [ids[3], lingering[1]])
    #expect(rig.cancel(ids[3]) == false)
    #expect(rig.stats.cancelled == 3)
    rig.advance(.seconds(1))
    #expect(rig.stats.depth == 0)
  }

  @Test("closing refuses those who linger and those who queue")
  func close() {
    var rig = Rig(LaneConfiguration(concurrency: 1))
    let blocker = rig.enqueue()
    let ids = [rig.enqueue(company: Companion(1)), rig.enqueue(company: Companion(2), linger: linger)]
    rig.close()
    #expect(ids.map { rig.refused[$0]?.reason } == [.overloaded, .overloaded])
    rig.release(blocker)
    rig.advance(.seconds(1))
    #expect(rig.granted == [blocker])
    #expect(rig.stats.depth == 0)
  }

  @Test("the linger ends where the deadline leaves no more time than an answer takes")
  func lingerAndLatency() {
    var rig = Rig(LaneConfiguration())
    let first = rig.enqueue()
    rig.now = rig.now + .seconds(4)
    rig.release(first)
    let hasty = rig.enqueue(within: .milliseconds(4010), company: Companion(1), linger: .seconds(1))
    #expect(rig.timer == rig.now + .milliseconds(10))
    rig.advance(.milliseconds(10))
    #expect(rig.granted == [first, hasty])
    let hastier = rig.enqueue(within: .seconds(3), company: Companion(1), linger: .seconds(1))
    #expect(rig.granted == [first, hasty, hastier])
  }

  @Test("a deadline that passes during the linger is refused like one that passes in the queue, and takes nothing")
  func deadlineInLinger() throws {
    var rig = Rig(LaneConfiguration(limits: [try limit(1, per: .seconds(1), burst: 5)]))
    let id = rig.enqueue(within: .milliseconds(10), company: Companion(1), linger: linger)
    // The timer comes too late.
    rig.advance(.milliseconds(12))
    #expect(rig.refused[id]?.reason == .throttled)
    #expect(rig.stats.expired == 1)
    #expect(rig.stats.depth == 0)
    #expect(rig.stats.windows.map(\.available) == [5])
  }

  @Test("those who linger count against the bounds of the queue")
  func bounds() {
    var rig = Rig(LaneConfiguration(queueLimit: 3, tenantQueueLimit: 2))
    for number in 0..<2 { rig.enqueue("a", company: Companion(number), linger: linger) }
    let third = rig.enqueue("a", company: Companion(2), linger: linger)
    #expect(rig.refused[third]?.reason == .throttled)
    rig.enqueue("b", company: Companion(3), linger: linger)
    let fifth = rig.enqueue("c", company: Companion(4), linger: linger)
    #expect(rig.refused[fifth]?.reason == .overloaded)
    #expect(rig.stats.depthByTenant == ["a": 2, "b": 1])
    rig.advance(linger)
    #expect(rig.stats.depth == 0)
    #expect(rig.stats.depthByTenant.isEmpty)
  }

  @Test("whether there is a chance before the deadline is told with what merges counted as one")
  func chance() throws {
    var rig = Rig(LaneConfiguration(limits: [try limit(1, per: .seconds(10), burst: 1)]))
    let first = rig.enqueue()
    rig.send(first)
    rig.release(first)
    // One after the other they would take 500 s, and even the second would be too late.
    let ids = (0..<50).map { rig.enqueue($0 % 5 == 0 ? "b" : "a", within: .seconds(15), company: Companion($0)) }
    #expect(rig.refused.isEmpty)
    let alone = rig.enqueue("a", within: .seconds(25))
    #expect(rig.refused.isEmpty)
    let tooMany = rig.enqueue("a", within: .seconds(25))
    #expect(rig.refused[tooMany]?.retryAfter == .seconds(30))
    rig.advance(.seconds(10))
    #expect(rig.stats.merged == 49)
    #expect(rig.granted == [first, ids[0]])
    if let last = rig.granted.last { rig.send(last) }
    rig.advance(.seconds(10))
    #expect(rig.granted == [first, ids[0], alone])
    #expect(rig.refused.count == 1)
  }

  @Test("a head asks no more of its group than it may, however many wait")
  func offers() {
    var rig = Rig(LaneConfiguration(concurrency: 1, queueLimit: 2000, tenantQueueLimit: 2000))
    let blocker = rig.enqueue()
    let head = rig.enqueue(company: Companion(0, mostMembers: 5000))
    for number in 1...400 { rig.enqueue(company: Companion(number)) }
    rig.release(blocker)
    #expect(rig.parties[head]?.count == LaneMachine.mostOffers)
    #expect(rig.stats.depth == 400 - LaneMachine.mostOffers)
  }
}
