import Testing
import WeirCore

@testable import WeirCache

@Suite("S3-FIFO")
struct S3FIFOTests {
  private func policy(capacity: Int = 10_000, maxEntry: Int = 5_000, quotaShare: Double = 1) -> S3FIFO {
    S3FIFO(limits: S3FIFOLimits(capacity: capacity, maxEntry: maxEntry, quotaShare: quotaShare))
  }

  @discardableResult
  private func insert(_ number: Int, into policy: inout S3FIFO, weight: Int = 100, owner: Name? = nil) -> Bool {
    let admission = policy.insert(.numbered(number), weight: weight, lifespan: .endless, owner: owner, now: .zero)
    if case .stored = admission { return true }
    return false
  }

  private func isIn(_ number: Int, _ policy: S3FIFO) -> Bool { policy.lifespan(of: .numbered(number)) != nil }

  @Test("a burst of keys asked for once leaves the hot set alone")
  func scan() {
    var policy = policy()
    for round in 0..<3 {
      for number in 0..<80 {
        if policy.find(.numbered(number), now: .zero) == nil { insert(number, into: &policy) }
      }
      if round == 0 { #expect(policy.count == 80) }
    }
    // One pass of other keys moves what was used into the main queue; then the burst, ten times the cache.
    for number in 1_000..<2_000 { insert(number, into: &policy) }
    let hot = (0..<80).filter { isIn($0, policy) }.count
    #expect(hot >= 72, "\(hot) of 80 hot keys survived")
  }

  @Test("what comes back soon after it was evicted goes to the main queue at once")
  func ghost() {
    var policy = policy()
    for number in 0..<90 {
      insert(number, into: &policy)
      _ = policy.find(.numbered(number), now: .zero)
    }
    insert(500, into: &policy)
    for number in 501..<550 { insert(number, into: &policy) }
    #expect(!isIn(500, policy), "never asked for again, so it has left")
    insert(500, into: &policy)
    for number in 600..<700 { insert(number, into: &policy) }
    #expect(isIn(500, policy))
    #expect(!isIn(600, policy))
  }

  @Test("an entry over the limit is not admitted, is counted, and takes the one it replaces with it")
  func tooLarge() {
    var policy = policy(maxEntry: 1_000)
    #expect(insert(1, into: &policy, weight: 1_000))
    #expect(!insert(1, into: &policy, weight: 1_001))
    #expect(!isIn(1, policy))
    #expect(policy.tally.rejected[.tooLarge] == 1)
    #expect(policy.bytes == 0 && policy.count == 0)
    #expect(!insert(2, into: &policy, weight: .max))
  }

  @Test("replacing an entry corrects the bytes and keeps its place and its hits")
  func replacement() {
    var policy = policy()
    insert(1, into: &policy, weight: 100, owner: "a")
    _ = policy.find(.numbered(1), now: .zero)
    insert(1, into: &policy, weight: 300, owner: "b")
    #expect(policy.bytes == 300 && policy.count == 1)
    #expect(policy.bytes(heldBy: "a") == 0 && policy.bytes(heldBy: "b") == 300)
    for number in 2..<200 { insert(number, into: &policy) }
    #expect(isIn(1, policy), "its hit from before the replacement has kept it")
    #expect(policy.tally.evicted[.purge] == 0)
  }

  @Test("an empty cache, and one without room, admit nothing and do not hang")
  func noRoom() {
    var policy = policy(capacity: 0)
    #expect(!insert(1, into: &policy))
    #expect(policy.find(.numbered(1), now: .zero) == nil)
  }

  @Test("entries that are all hot still make room, within four steps for each")
  func allHot() {
    var policy = policy()
    for number in 0..<100 {
      insert(number, into: &policy)
      for _ in 0..<5 { _ = policy.find(.numbered(number), now: .zero) }
    }
    #expect(insert(1_000, into: &policy, weight: 5_000))
    #expect(policy.bytes <= 10_000)
    #expect(isIn(1_000, policy))
  }

  @Test("the lifetime has sharp edges: fresh up to, stale from, gone at")
  func edges() {
    var policy = policy()
    let lifespan = Lifespan(from: .seconds(10), freshFor: .seconds(5), staleFor: .seconds(3))
    _ = policy.insert(.numbered(1), weight: 1, lifespan: lifespan, owner: nil, now: .seconds(10))
    func found(_ nanoseconds: Int64) -> Lifespan? { policy.find(.numbered(1), now: Moment(nanoseconds: nanoseconds))?.lifespan }
    #expect(found(14_999_999_999)?.isFresh(at: Moment(nanoseconds: 14_999_999_999)) == true)
    #expect(found(15_000_000_000)?.isFresh(at: Moment(nanoseconds: 15_000_000_000)) == false)
    #expect(found(17_999_999_999) != nil)
    #expect(found(18_000_000_000) == nil)
    #expect(policy.count == 0 && policy.bytes == 0)
    #expect(policy.tally.evicted[.ttl] == 1)
  }

  @Test("a sweep looks at and removes no more than it is told, and gets round in the end")
  func sweep() {
    var policy = policy(capacity: 1_000_000)
    for number in 0..<1_000 {
      let lifespan = Lifespan(from: .zero, freshFor: .seconds(number % 2 == 0 ? 1 : 100), staleFor: .zero)
      _ = policy.insert(.numbered(number), weight: 10, lifespan: lifespan, owner: nil, now: .zero)
    }
    #expect(policy.sweep(now: .seconds(1), looking: 100, removing: 1_000) == 50)
    #expect(policy.sweep(now: .seconds(1), looking: 1_000, removing: 7) == 7)
    var rest = 0
    for _ in 0..<10 { rest += policy.sweep(now: .seconds(1), looking: 100, removing: 1_000) }
    #expect(rest == 443)
    #expect(policy.count == 500 && policy.bytes == 5_000)
    #expect(policy.sweep(now: .seconds(1), looking: .max, removing: .max) == 0)
  }

  @Test("a tenant may fill what nobody else wants, and no more than a quarter once others do")
  func quota() {
    var policy = policy(quotaShare: 0.25)
    for number in 0..<100 { #expect(insert(number, into: &policy, owner: "flood")) }
    #expect(policy.bytes(heldBy: "flood") == 10_000, "alone, it may have everything")
    for number in 1_000..<1_020 {
      #expect(insert(number, into: &policy, owner: "other"))
      _ = policy.find(.numbered(number), now: .zero)
    }
    let held = policy.bytes(heldBy: "other")
    #expect(held == 2_000)
    for number in 2_000..<4_000 { #expect(!insert(number, into: &policy, owner: "flood")) }
    #expect(policy.bytes(heldBy: "other") == held, "the flood has moved nothing of the other's")
    #expect(policy.tally.rejected[.quota] == 2_000)
    #expect(insert(3_999, into: &policy, owner: "flood"), "what it asks for a second time it gets")
  }

  @Test("whoever holds more than a share gets no second chance when others need room")
  func quotaEviction() {
    var policy = policy(quotaShare: 0.25)
    for number in 0..<100 {
      insert(number, into: &policy, owner: "flood")
      for _ in 0..<3 { _ = policy.find(.numbered(number), now: .zero) }
    }
    for number in 1_000..<1_200 {
      insert(number, into: &policy, owner: "other")
      _ = policy.find(.numbered(number), now: .zero)
    }
    #expect(policy.bytes(heldBy: "other") > 2_000)
    #expect(policy.bytes(heldBy: "flood") <= 7_500)
    #expect(policy.tally.evicted[.quota] > 0)
  }

  @Test("one entry a tenant may always have, however large its share of the cache")
  func oneEntry() {
    var policy = policy(quotaShare: 0.1)
    for number in 0..<100 { insert(number, into: &policy, owner: "a") }
    #expect(insert(500, into: &policy, weight: 3_000, owner: "b"))
    #expect(!insert(501, into: &policy, weight: 3_000, owner: "b"))
  }

  @Test("removing everything leaves nothing behind, not even a memory")
  func removeAll() {
    var policy = policy()
    for number in 0..<300 { insert(number, into: &policy, owner: "a") }
    policy.freed.removeAll()
    let resident = policy.count
    policy.removeAll()
    #expect(policy.freed.count == resident)
    #expect(policy.bytes == 0 && policy.count == 0 && policy.bytes(heldBy: "a") == 0)
    insert(1, into: &policy, owner: "a")
    #expect(policy.count == 1 && policy.bytes == 100)
  }
}
