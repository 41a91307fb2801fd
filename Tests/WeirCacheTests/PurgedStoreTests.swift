import Testing
import WeirCore
import WeirTestSupport

@testable import WeirCache

@Suite("Stores under purges")
struct PurgedStoreTests {
  private let time = ManualTime()
  private let shared = FakeSharedStore()
  private let key = CacheKey.numbered(1)
  private let entry = CacheEntry.sample("answer", freshFor: .seconds(600), staleFor: .seconds(300))
  private let scopes = PurgeScopes(upstream: "aws", tool: "get", tags: []).asked(by: "growth", isShared: false)
  private let others = PurgeScopes(upstream: "aws", tool: "get", tags: []).asked(by: "platform", isShared: false)

  /// - Parameter clock: Redis' clock at its last word.
  private func replica(marks: [(PurgeScope, Int64)] = [], clock: Int64 = 100) -> TieredStore<[UInt8]> {
    let purges = PurgeMarks(isMirror: true)
    _ = purges.take(PurgeAnswer(clock: clock, epoch: 1, marks: marks.map { (scope: $0.0, time: $0.1) }), to: purges.question, now: time.now())
    return TieredStore(
      memory: MemoryStore(limits: MemoryLimits(maxBytes: 1 << 20, maxEntryBytes: 1 << 16), cores: 1, purges: purges), shared: shared, time: time,
      encode: { $0 }, decode: { $0 })
  }

  @Test("what is purged is not found, fresh or stale, and only there where it was purged")
  func purged() async {
    let store = replica()
    await store.store(key, entry, owner: nil, since: store.ticket(for: key, of: scopes))
    #expect(store.peek(key, of: scopes, now: time.now()) != nil)
    store.purges.purge([.tenant("growth")], now: time.now())
    time.advance(by: .seconds(700))
    #expect(store.peek(key, of: scopes, now: time.now()) == nil)
    #expect(store.peek(key, of: others, now: time.now())?.isFresh == false)
  }

  @Test("what was asked for before a purge is kept nowhere after it")
  func underWay() async {
    let store = replica()
    let ticket = store.ticket(for: key, of: scopes)
    store.purges.purge([.upstream("aws")], now: time.now())
    await store.store(key, entry, owner: nil, since: ticket)
    #expect(store.memory.stats.entries == 0 && store.memory.stats.rejected[.superseded] == 1)
    #expect(await shared.kept.isEmpty)
    await store.store(key, entry, owner: nil, since: store.ticket(for: key, of: scopes))
    #expect(store.peek(key, of: scopes, now: time.now()) != nil)
  }

  @Test("a purge that overtakes the write to the shared store removes what was written")
  func overtaken() async {
    let store = replica()
    let ticket = store.ticket(for: key, of: scopes)
    await shared.hold()
    async let writing: Void = store.store(key, entry, owner: nil, since: ticket)
    await shared.someoneWaits()
    store.purges.purge([.all], now: time.now())
    await shared.release()
    await writing
    #expect(await shared.kept.isEmpty)
  }

  @Test("a newer answer takes the place of one that is purged, even if that came later to this replica")
  func replaced() async throws {
    let store = replica(marks: [(.tenant("growth"), 90)])
    // Asked for by another replica, before the purge: an answer to other tenants still.
    await replica(clock: 80).share(key, entry, since: replica(clock: 80).ticket(for: key, of: others))
    let ticket = store.ticket(for: key, of: scopes)
    let began = time.now()
    time.advance(by: .seconds(1))
    #expect(await store.fetch(key, of: others, owner: nil).hit != nil)
    #expect(store.peek(key, of: scopes, now: time.now()) == nil)
    let lifespan = Lifespan(from: began, freshFor: .seconds(60), staleFor: .zero)
    var new = CacheEntry.sample("new")
    new.stamp = ticket.stamp
    #expect(store.memory.put(key, new, lifespan: lifespan, owner: nil, since: ticket, now: time.now()) == nil)
    #expect(store.peek(key, of: scopes, now: time.now())?.payload == Array("new".utf8))
  }

  @Test(
    "a value in the shared store counts where no mark of its scopes is later than the fetch began",
    arguments: [(80 as Int64, 79 as Int64, true), (80, 80, true), (80, 81, false), (0, 1, false), (0, 0, true)])
  func shared(asked: Int64, purged: Int64, counts: Bool) async {
    let writer = replica(clock: asked)
    await writer.share(key, entry, since: writer.ticket(for: key, of: scopes))
    let store = replica(marks: purged > 0 ? [(.tenant("growth"), purged)] : [])
    #expect((await store.fetch(key, of: scopes, owner: nil).hit != nil) == counts)
    #expect((store.peek(key, of: scopes, now: time.now()) != nil) == counts)
    #expect(store.tally.purged == (counts ? 0 : 1))
    #expect(await store.fetch(key, of: others, owner: nil).hit != nil)
  }

  @Test("a value that another tenant may have is not given to the one whose answers were purged, out of memory either")
  func memoryOfOthers() async {
    let writer = replica(clock: 80)
    await writer.share(key, entry, since: writer.ticket(for: key, of: others))
    let store = replica(marks: [(.tenant("growth"), 90)])
    #expect(await store.fetch(key, of: others, owner: nil).hit != nil)
    #expect(store.peek(key, of: others, now: time.now()) != nil)
    #expect(store.peek(key, of: scopes, now: time.now()) == nil)
  }

  @Test("a purge that is heard of while the shared store is asked makes its value none")
  func heardMeanwhile() async {
    let store = replica()
    await store.share(key, entry, since: store.ticket(for: key, of: scopes))
    await shared.hold()
    async let looking = store.fetch(key, of: scopes, owner: nil)
    await shared.someoneWaits()
    store.purges.purge([.tenant("growth")], now: time.now())
    await shared.release()
    #expect(await looking.hit == nil)
    #expect(store.peek(key, of: scopes, now: time.now()) == nil)
  }

  @Test("while nothing is known of the purges of others, the shared store is not asked")
  func unknown() async {
    let store = replica()
    await store.share(key, entry, since: store.ticket(for: key, of: scopes))
    time.advance(by: PurgeMarks.patience + .milliseconds(1))
    #expect(await store.fetch(key, of: scopes, owner: nil).hit == nil)
    #expect(store.tally.unavailable == 1)
  }

  @Test("a removal by key and a purge by key are the same to what is under way")
  func byKey() async {
    let store = replica()
    let ticket = store.ticket(for: key, of: scopes)
    store.purges.purge([.key(key)], now: time.now())
    await store.store(key, entry, owner: nil, since: ticket)
    #expect(await shared.kept.isEmpty && store.peek(key, of: scopes, now: time.now()) == nil)
    let other = CacheKey.numbered(2)
    await store.store(other, entry, owner: nil, since: store.ticket(for: other, of: scopes))
    #expect(store.peek(other, of: scopes, now: time.now()) != nil)
  }

  @Test("a sweep removes what was purged, but for what other tenants have too", arguments: [false, true])
  func sweep(isShared: Bool) async {
    let store = replica()
    let scopes = PurgeScopes(upstream: "aws", tool: "get", tags: []).asked(by: "growth", isShared: isShared)
    await store.store(key, entry, owner: nil, since: store.ticket(for: key, of: scopes))
    store.purges.purge([.tenant("growth")], now: time.now())
    #expect(store.memory.sweep(now: time.now()) == (isShared ? 0 : 1))
    store.purges.purge([.upstream("aws")], now: time.now())
    store.memory.sweep(now: time.now())
    #expect(store.memory.stats.entries == 0 && store.memory.stats.evicted[.purge] == 1)
  }
}
