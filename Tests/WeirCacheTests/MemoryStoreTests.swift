import Testing
import WeirCore
import WeirTestSupport

@testable import WeirCache

@Suite("Memory store")
struct MemoryStoreTests {
  private func store(maxBytes: Int = 1 << 20, maxEntryBytes: Int = 1 << 16) -> MemoryStore<[UInt8]> {
    MemoryStore(limits: MemoryLimits(maxBytes: maxBytes, maxEntryBytes: maxEntryBytes), cores: 2)
  }

  private static let mebibyte = 1 << 20
  /// Bytes, largest entry, cores, and the shards that follow.
  static let shardTable: [(Int, Int, Int, Int)] = [
    (256 * mebibyte, 8 * mebibyte, 2, 8), (256 * mebibyte, 8 * mebibyte, 16, 8), (256 * mebibyte, mebibyte, 16, 64),
    (256 * mebibyte, mebibyte, 3, 16), (mebibyte, 8 * mebibyte, 2, 1), (0, 0, 1, 4), (Int.max, Int.max, 1_000, 1), (Int.max, 1, Int.max, 1024),
  ]

  @Test("shards are a power of two, four for each core, as long as four of the largest entries fit into each", arguments: shardTable)
  func shards(maxBytes: Int, maxEntryBytes: Int, cores: Int, expected: Int) {
    #expect(MemoryLimits(maxBytes: maxBytes, maxEntryBytes: maxEntryBytes).shardCount(cores: cores) == expected)
  }

  @Test("the largest entry that the defaults promise fits")
  func largestEntry() {
    let store = MemoryStore<[UInt8]>(cores: 16)
    var entry = CacheEntry.sample()
    entry.value = [UInt8](repeating: 1, count: 8 << 20)
    #expect(store.put(.numbered(1), entry, owner: "t", now: .zero) == nil)
    entry.value.append(1)
    #expect(store.put(.numbered(2), entry, owner: "t", now: .zero) == .tooLarge)
    #expect(store.stats.rejected[.tooLarge] == 1)
  }

  @Test("a hit tells its age and what is left, and shares the value's bytes")
  func hit() throws {
    let store = store()
    let entry = CacheEntry.sample(freshFor: .seconds(60), staleFor: .seconds(30))
    store.put(.numbered(1), entry, owner: "t", now: .seconds(100))
    let fresh = try #require(store.get(.numbered(1), now: .seconds(110)))
    #expect(fresh.isFresh && fresh.age == .seconds(10) && fresh.remainingFreshness == .seconds(50) && fresh.remainingLife == .seconds(80))
    #expect(fresh.entry == entry)
    let address = entry.value.withUnsafeBufferPointer { $0.baseAddress }
    #expect(fresh.payload.withUnsafeBufferPointer { $0.baseAddress } == address)
    let stale = try #require(store.get(.numbered(1), now: .seconds(160)))
    #expect(!stale.isFresh && stale.age == .seconds(60) && stale.remainingFreshness == .zero && stale.remainingLife == .seconds(30))
    #expect(store.get(.numbered(1), now: .seconds(190)) == nil)
    let stats = store.stats
    #expect(stats.hits == 1 && stats.staleHits == 1 && stats.misses == 1 && stats.evicted[.ttl] == 1)
    #expect(stats.entries == 0 && stats.bytes == 0)
  }

  @Test("an entry without a lifetime is not kept", arguments: [Duration.zero, .seconds(-1), .seconds(Int64.min)])
  func noLifetime(freshFor: Duration) {
    let store = store()
    #expect(store.put(.numbered(1), .sample(freshFor: freshFor, staleFor: .zero), owner: nil, now: .seconds(1)) == .expired)
    #expect(store.stats.entries == 0)
  }

  @Test("an endless lifetime does not overflow")
  func endless() throws {
    let store = store()
    store.put(.numbered(1), .sample(freshFor: .seconds(Int64.max), staleFor: .seconds(Int64.max)), owner: nil, now: .seconds(1))
    let hit = try #require(store.get(.numbered(1), now: .seconds(2)))
    #expect(hit.isFresh && hit.age == .seconds(1))
  }

  @Test("a younger answer is not replaced by an older one that comes late")
  func youngerStays() throws {
    let store = store()
    store.put(.numbered(1), .sample("young"), owner: nil, now: .seconds(100))
    let old = Lifespan(asked: .seconds(101), remaining: .seconds(500), freshFor: .seconds(600), staleFor: .seconds(300))
    #expect(store.put(.numbered(1), .sample("old"), lifespan: old, owner: nil, now: .seconds(101)) == .superseded)
    #expect(try #require(store.get(.numbered(1), now: .seconds(101))).payload == Array("young".utf8))
  }

  @Test("an answer whose fetch began before its key was removed is not kept")
  func removedMeanwhile() {
    let store = store()
    let ticket = store.ticket(for: .numbered(1))
    #expect(!store.remove(.numbered(1)))
    #expect(store.put(.numbered(1), .sample(), owner: nil, since: ticket, now: .zero) == .superseded)
    let later = store.ticket(for: .numbered(1))
    #expect(store.put(.numbered(1), .sample(), owner: nil, since: later, now: .zero) == nil)
    #expect(store.remove(.numbered(1)))
    let last = store.ticket(for: .numbered(1))
    store.removeAll()
    #expect(store.put(.numbered(1), .sample(), owner: nil, since: last, now: .zero) == .superseded)
    #expect(store.stats.rejected[.superseded] == 2)
  }

  @Test("keys spread over all shards, and removing everything empties them all")
  func spreadsAndEmpties() {
    let store = MemoryStore<[UInt8]>(limits: MemoryLimits(maxBytes: 64 << 20, maxEntryBytes: 1 << 16), cores: 4)
    #expect(store.shardCount == 16)
    for number in 0..<1_000 { store.put(.numbered(number), .sample(), owner: nil, now: .zero) }
    #expect(store.stats.entries == 1_000)
    store.removeAll()
    #expect(store.stats.entries == 0 && store.stats.bytes == 0)
    #expect((0..<1_000).allSatisfy { store.get(.numbered($0), now: .zero) == nil })
    #expect(store.stats.evicted[.purge] == 1_000)
  }

  @Test("it never holds more than it may, and the values of evicted entries are let go")
  func bounded() {
    let store = store(maxBytes: 1 << 20)
    let tracker = Tracker()
    let tracked = MemoryStore<Tracked>(limits: MemoryLimits(maxBytes: 1 << 20, maxEntryBytes: 1 << 16), cores: 2)
    for number in 0..<5_000 {
      store.put(.numbered(number), .sample(String(repeating: "x", count: 1_000)), owner: nil, now: .zero)
      tracked.put(
        .numbered(number), CacheEntry(value: Tracked(tracker), storedAt: WallTime(milliseconds: 0), freshFor: .seconds(9)), owner: nil, now: .zero)
    }
    #expect(store.stats.bytes <= 1 << 20)
    #expect(store.stats.entries > 500)
    #expect(tracker.alive.current == Int64(tracked.stats.entries))
    tracked.removeAll()
    #expect(tracker.alive.current == 0)
  }

  @Test("the sweep removes what is dead every second until it is cancelled")
  func sweeping() async {
    let time = ManualTime()
    let store = store()
    for number in 0..<100 {
      store.put(.numbered(number), .sample(freshFor: .milliseconds(number < 60 ? 1_500 : 60_000), staleFor: .zero), owner: nil, now: time.now())
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await store.run(time: time) }
      await time.sleepers(atLeast: 1)
      time.advance(by: .seconds(1))
      await time.sleepers(atLeast: 1)
      #expect(store.stats.entries == 100)
      time.advance(by: .seconds(1))
      await time.sleepers(atLeast: 1)
      #expect(store.stats.entries == 40)
      #expect(store.stats.evicted[.ttl] == 60)
      group.cancelAll()
    }
  }

  @Test("used from many tasks at once it stays within its bounds and gives every key its own value")
  func concurrency() async {
    let store = store(maxBytes: 1 << 18, maxEntryBytes: 4_096)
    await withTaskGroup(of: Int.self) { group in
      for task in 0..<8 {
        group.addTask { @concurrent in
          var random = SeededGenerator(seed: UInt64(task))
          var wrong = 0
          for step in 0..<5_000 {
            let number = Int.random(in: 0..<2_000, using: &random)
            let now = Moment(nanoseconds: Int64(step) * 1_000_000)
            switch Int.random(in: 0..<10, using: &random) {
            case 0: store.remove(.numbered(number))
            case 1: store.sweep(now: now)
            case 2..<6: store.put(.numbered(number), .sample("value \(number)", freshFor: .seconds(2)), owner: Name("t\(task)"), now: now)
            default:
              if let hit = store.get(.numbered(number), now: now), hit.payload != Array("value \(number)".utf8) { wrong += 1 }
            }
          }
          return wrong
        }
      }
      for await wrong in group { #expect(wrong == 0) }
    }
    #expect(store.stats.bytes <= 1 << 18)
    #expect(store.stats.hits + store.stats.staleHits > 0)
  }
}

/// Counts its living instances.
private final class Tracker: Sendable { let alive = Counter() }

private final class Tracked: CachePayload {
  private let tracker: Tracker
  let byteCount = 1_000

  init(_ tracker: Tracker) {
    self.tracker = tracker
    tracker.alive.add(1)
  }

  deinit { tracker.alive.add(-1) }
}
