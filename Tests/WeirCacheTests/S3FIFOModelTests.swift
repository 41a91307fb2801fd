import Testing
import WeirCore

@testable import WeirCache

@Suite("S3-FIFO against its reference")
struct S3FIFOModelTests {
  static let owners: [Name?] = [nil, "a", "a", "a", "b", "c"]

  @Test("random operations: the same entries, hits, refusals and bytes after each", arguments: 0..<4)
  func agreesWithTheReference(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let limits = S3FIFOLimits(capacity: 10_000, maxEntry: 2_500, quotaShare: seed % 2 == 0 ? 0.25 : 1)
    var policy = S3FIFO(limits: limits)
    var reference = ReferenceS3FIFO(limits: limits)
    var live: Set<Int> = []
    var now = Moment.seconds(1)
    var sorts: Set<String> = []
    for _ in 0..<8_000 {
      // Low numbers are frequent, so that there are hits, replacements and ghosts.
      let key = CacheKey.numbered(min(Int.random(in: 0..<400, using: &random), Int.random(in: 0..<400, using: &random)))
      now = now + .milliseconds(Int.random(in: 0..<20, using: &random))
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<50:
        let found = policy.find(key, now: now)
        #expect(found?.lifespan == reference.find(key, now: now))
        if let found { #expect(live.contains(found.slot)) }
        sorts.insert(found == nil ? "miss" : "hit")
      case 50..<95:
        let isLarge = Int.random(in: 0..<30, using: &random) == 0
        let weight = Int.random(in: isLarge ? 2_000...3_000 : 1...500, using: &random)
        let lifespan = Lifespan(
          from: now, freshFor: .milliseconds(Int.random(in: -500...20_000, using: &random)),
          staleFor: .milliseconds(max(0, Int.random(in: -2_000...2_000, using: &random))))
        let owner = Self.owners.randomElement(using: &random) ?? nil
        let admission = policy.insert(key, weight: weight, lifespan: lifespan, owner: owner, now: now)
        let refusal = reference.insert(key, weight: weight, lifespan: lifespan, owner: owner, now: now)
        for slot in policy.freed { live.remove(slot) }
        policy.freed.removeAll()
        switch admission {
        case .stored(let slot):
          #expect(refusal == nil)
          #expect(live.insert(slot).inserted, "a slot in use was given out again")
          sorts.insert("stored")
        case .rejected(let reason):
          #expect(refusal == reason)
          sorts.insert(reason.rawValue)
        }
      case 95..<98:
        #expect(policy.remove(key) == reference.remove(key))
        sorts.insert("removed")
      default:
        _ = policy.sweep(now: now, looking: .max, removing: .max)
        reference.removeDead(now: now)
        sorts.insert("swept")
      }
      for slot in policy.freed { live.remove(slot) }
      policy.freed.removeAll()
      expectAgreement(policy, reference, live: live, now: now)
    }
    #expect(sorts.isSuperset(of: ["hit", "miss", "stored", "too_large", "expired", "removed", "swept"]))
    #expect(sorts.contains("quota") == (seed % 2 == 0))
    #expect(policy.tally.evicted[.size] > 100 && policy.tally.evicted[.ttl] > 100)
  }

  private func expectAgreement(_ policy: S3FIFO, _ reference: ReferenceS3FIFO, live: Set<Int>, now: Moment) {
    let items = reference.all
    let agrees =
      policy.bytes == reference.bytes && policy.count == items.count && live.count == items.count
      && items.allSatisfy { policy.lifespan(of: $0.key) == $0.lifespan }
    if !agrees { Issue.record("\(policy.count) entries of \(policy.bytes) bytes, the reference has \(items.count) of \(reference.bytes)") }
    if policy.bytes > policy.limits.capacity { Issue.record("\(policy.bytes) bytes over the capacity") }
    for owner in ["a", "b", "c"] as [Name] where policy.bytes(heldBy: owner) != reference.held(by: owner) {
      Issue.record("\(owner) holds \(policy.bytes(heldBy: owner)), not \(reference.held(by: owner))")
    }
  }
}
