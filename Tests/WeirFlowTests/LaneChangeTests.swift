import Testing
import WeirCore
import WeirFlow

@Suite("Limits that change while requests are under way")
struct LaneChangeTests {
  private static func limit(_ count: Int, burst: Int) -> RateLimit? { RateLimit(count: count, period: .seconds(1), burst: burst) }

  @Test("more places at once let those go who wait, and fewer take nobody's")
  func concurrency() {
    var rig = Rig(LaneConfiguration(concurrency: 1))
    let ids = (0..<4).map { _ in rig.enqueue() }
    #expect(rig.granted == [ids[0]])
    rig.change(to: LaneConfiguration(concurrency: 3))
    #expect(rig.granted == Array(ids[0..<3]))
    rig.change(to: LaneConfiguration(concurrency: 1))
    rig.release(ids[0])
    rig.release(ids[1])
    #expect(rig.granted.count == 3)
    rig.release(ids[2])
    #expect(rig.granted == ids)
  }

  @Test("a window that stays keeps what was taken from it, and a new one begins empty")
  func windows() throws {
    let old = try #require(Self.limit(1, burst: 4))
    let new = try #require(Self.limit(2, burst: 2))
    var rig = Rig(LaneConfiguration(limits: [old], concurrency: 100))
    for id in (0..<3).map({ _ in rig.enqueue() }) { rig.send(id) }
    #expect(rig.stats.windows.map(\.available) == [1])
    rig.change(to: LaneConfiguration(limits: [old, new], concurrency: 100))
    #expect(rig.stats.windows.map(\.available) == [1, 0])
    let next = rig.enqueue()
    #expect(!rig.granted.contains(next))
    rig.advance(.milliseconds(500))
    #expect(rig.granted.contains(next))
  }

  @Test("a pause of the provider outlasts a change of its limits")
  func pause() throws {
    let limits = try [#require(Self.limit(10, burst: 10))]
    var rig = Rig(LaneConfiguration(limits: limits, concurrency: 100))
    let id = rig.enqueue()
    rig.send(id)
    rig.release(id, .throttled(retryAfter: .seconds(30)))
    rig.change(to: LaneConfiguration(limits: [try #require(Self.limit(100, burst: 50))], concurrency: 100))
    let next = rig.enqueue()
    rig.advance(.seconds(29))
    #expect(!rig.granted.contains(next))
  }

  @Test("a budget's amount changes and what was spent stays; another budget waits for the next start")
  func budgets() {
    func configuration(_ requests: Int, per period: BudgetLimit.Period = .day) -> LaneConfiguration {
      LaneConfiguration(concurrency: 100, budgets: [BudgetLimit(per: period, requests: requests)])
    }
    var rig = Rig(configuration(2))
    for id in (0..<2).map({ _ in rig.enqueue() }) {
      rig.send(id)
      rig.release(id)
    }
    rig.refusesNext()
    rig.change(to: configuration(3))
    let third = rig.enqueue()
    #expect(rig.granted.contains(third))
    rig.send(third)
    rig.release(third)
    rig.refusesNext()
    rig.change(to: configuration(100, per: .month), isWhole: false)
    rig.change(to: LaneConfiguration(concurrency: 100), isWhole: false)
    rig.refusesNext()
  }
}

extension Rig {
  /// - Parameter isWhole: whether all of it can be taken now.
  mutating func change(to configuration: LaneConfiguration, isWhole expected: Bool = true) {
    let (isWhole, actions) = machine.change(to: configuration, now: now, wall: wall)
    #expect(isWhole == expected)
    take(actions)
  }

  mutating func refusesNext() {
    let id = enqueue()
    #expect(refused[id] != nil)
  }
}
