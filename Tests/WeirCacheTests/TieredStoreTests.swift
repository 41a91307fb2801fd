import Testing
import WeirCore
import WeirTestSupport

@testable import WeirCache

@Suite("Tiered store")
struct TieredStoreTests {
  private let time = ManualTime()
  private let shared = FakeSharedStore()
  private let key = CacheKey.numbered(1)
  private let entry = CacheEntry.sample("answer", freshFor: .seconds(600), staleFor: .seconds(300))

  private func replica(time: ManualTime? = nil, onlyMemory: Bool = false) -> TieredStore<[UInt8]> {
    TieredStore(
      memory: MemoryStore(limits: MemoryLimits(maxBytes: 1 << 20, maxEntryBytes: 1 << 16), cores: 1), shared: onlyMemory ? nil : self.shared,
      time: time ?? self.time, encode: { $0 }, decode: { $0 == Array("unreadable".utf8) ? nil : $0 })
  }

  @Test("what one replica stores another finds, and then has it in memory")
  func shares() async throws {
    let (one, other) = (replica(), replica())
    await one.store(key, entry, owner: "t")
    #expect(one.peek(key, now: time.now())?.entry == entry)
    #expect(other.peek(key, now: time.now()) == nil)
    let hit = try #require(await other.fetch(key, owner: "t").hit)
    #expect(hit.entry == entry && hit.isFresh && hit.age == .zero)
    #expect(other.peek(key, now: time.now())?.entry == entry)
    #expect(await shared.kept[key]?.ttl == .seconds(900))
    #expect(one.tally.written == 1 && other.tally.found == 1)
  }

  @Test(
    "freshness is what the shared store says remains, whatever the wall clocks say",
    arguments: [
      (Duration.seconds(900), Duration.zero, Duration.seconds(600), Duration.seconds(900)),
      (.seconds(400), .seconds(500), .seconds(100), .seconds(400)),
      (.milliseconds(300_001), .milliseconds(599_999), .milliseconds(1), .milliseconds(300_001)),
      (.seconds(300), .seconds(600), .zero, .seconds(300)),
      (.milliseconds(1), .milliseconds(899_999), .zero, .milliseconds(1)),
      (.seconds(100_000), .zero, .seconds(600), .seconds(900)),
    ])
  func freshness(remaining: Duration, age: Duration, fresh: Duration, life: Duration) async throws {
    await replica().store(key, entry, owner: nil)
    await shared.setRemaining(remaining)
    let elsewhere = ManualTime(wall: WallTime(milliseconds: 0))
    let other = replica(time: elsewhere)
    let hit = try #require(await other.fetch(key, owner: nil).hit)
    #expect(hit.age == age && hit.remainingFreshness == fresh && hit.remainingLife == life)
    #expect(hit.isFresh == (fresh > .zero))
    let again = try #require(other.peek(key, now: elsewhere.now()))
    #expect(again.remainingFreshness == fresh && again.age == age)
    elsewhere.advance(by: life)
    #expect(other.peek(key, now: elsewhere.now()) == nil)
  }

  @Test("nothing remaining is nothing found", arguments: [Duration.zero, .milliseconds(-1), .seconds(Int64.min)])
  func nothingRemains(remaining: Duration) async {
    await replica().store(key, entry, owner: nil)
    await shared.setRemaining(remaining)
    let other = replica()
    #expect(await other.fetch(key, owner: nil).hit == nil)
    #expect(other.memory.stats.entries == 0 && other.tally.missing == 1)
  }

  @Test("the time an answer was on its way shortens its life")
  func slow() async throws {
    await replica().store(key, entry, owner: nil)
    await shared.hold()
    let other = replica()
    async let lookup = other.fetch(key, owner: nil)
    await shared.someoneWaits()
    time.advance(by: .seconds(50))
    await shared.release()
    let hit = try #require(await lookup.hit)
    #expect(hit.remainingFreshness == .seconds(550) && hit.remainingLife == .seconds(850))
  }

  @Test("an answer that was under way when its key was removed is neither given nor kept")
  func removedWhileAsking() async {
    await replica().store(key, entry, owner: nil)
    await shared.hold()
    let other = replica()
    async let lookup = other.fetch(key, owner: nil)
    await shared.someoneWaits()
    await other.remove(key)
    await shared.release()
    #expect(await lookup.hit == nil)
    #expect(other.peek(key, now: time.now()) == nil)
  }

  @Test("a younger answer stored while the shared store was asked stays in memory")
  func storedWhileAsking() async throws {
    await replica().store(key, entry, owner: nil)
    await shared.hold()
    await shared.setRemaining(.seconds(400))
    let other = replica()
    async let lookup = other.fetch(key, owner: nil)
    await shared.someoneWaits()
    other.memory.put(key, .sample("younger"), owner: nil, now: time.now())
    await shared.release()
    #expect(await lookup.hit?.payload == Array("answer".utf8))
    #expect(other.peek(key, now: time.now())?.payload == Array("younger".utf8))
  }

  @Test("another key's envelope is a miss and is counted, and never reaches memory")
  func wrongKey() async {
    let store = replica()
    await store.store(.numbered(2), .sample("somebody else's bill"), owner: nil)
    await shared.answer(for: .numbered(2))
    #expect(await store.fetch(key, owner: nil).hit == nil)
    #expect(store.peek(key, now: time.now()) == nil)
    #expect(store.tally.failures[.wrongKey] == 1 && store.tally.missing == 1 && store.tally.found == 0)
  }

  @Test(
    "bytes that are no envelope are a miss and are counted by reason",
    arguments: [
      (Array("plain text, put there by hand".utf8), EnvelopeFailure.corrupt), ([], .truncated), (Array("WEIR".utf8) + [9], .unknownVersion),
      (EntryEnvelope.encode(.sample(), for: .numbered(1)).dropLast(), .truncated),
    ])
  func damaged(bytes: [UInt8], reason: EnvelopeFailure) async {
    await shared.place(bytes, for: key, ttl: .seconds(10))
    let store = replica()
    #expect(await store.fetch(key, owner: nil).hit == nil)
    #expect(store.tally.failures[reason] == 1 && store.tally.failures.total == 1 && store.tally.missing == 1)
  }

  @Test("a sound envelope around a value that cannot be read is a miss and is counted")
  func undecodable() async {
    await replica().store(key, .sample("unreadable"), owner: nil)
    let other = replica()
    #expect(await other.fetch(key, owner: nil).hit == nil)
    #expect(other.tally.undecodable == 1 && other.tally.missing == 1)
  }

  @Test("with the shared store away, memory goes on and nothing fails")
  func away() async {
    await shared.goAway()
    let store = replica()
    await store.store(key, entry, owner: nil)
    #expect(store.peek(key, now: time.now())?.entry == entry)
    if case .unavailable = await store.fetch(.numbered(2), owner: nil) {} else { Issue.record("it should be unavailable") }
    #expect(await store.remove(key) == false)
    #expect(store.peek(key, now: time.now()) == nil)
    #expect(store.tally.unwritten == 1 && store.tally.unavailable == 1 && store.tally.unremoved == 1)
  }

  @Test("without a shared store, memory is all there is")
  func onlyMemory() async {
    let store = replica(onlyMemory: true)
    #expect(!store.hasSharedStore)
    await store.store(key, entry, owner: nil)
    #expect(store.peek(key, now: time.now()) != nil)
    if case .unavailable = await store.fetch(key, owner: nil) {} else { Issue.record("there is none to ask") }
    #expect(await store.remove(key))
    #expect(store.tally == SharedTally())
  }

  @Test("an answer without a lifetime is written nowhere")
  func noLifetime() async {
    let store = replica()
    await store.store(key, .sample(freshFor: .zero, staleFor: .microseconds(900)), owner: nil)
    #expect(await shared.kept.isEmpty)
    await store.store(key, .sample(freshFor: .seconds(-9), staleFor: .zero), owner: nil)
    #expect(await shared.kept.isEmpty && store.tally.written == 0)
  }

  @Test("an answer fetched before its key was removed is stored nowhere")
  func storedAfterRemoval() async {
    let store = replica()
    let ticket = store.ticket(for: key)
    await store.remove(key)
    await store.store(key, entry, owner: nil, since: ticket)
    #expect(store.peek(key, now: time.now()) == nil)
    #expect(await shared.kept.isEmpty)
  }

  @Test("a removal that overtakes a write is made good")
  func removalOvertakesWrite() async {
    let store = replica()
    let ticket = store.ticket(for: key)
    await shared.hold()
    async let writing: Void = store.store(key, entry, owner: nil, since: ticket)
    await shared.someoneWaits()
    await store.remove(key)
    await shared.release()
    await writing
    #expect(await shared.kept.isEmpty)
    #expect(store.peek(key, now: time.now()) == nil)
  }
}
