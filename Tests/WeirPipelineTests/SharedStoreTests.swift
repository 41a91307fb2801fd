import Testing
import WeirBilling
import WeirCache
import WeirCore
import WeirFlow
import WeirJSON
import WeirMCP
import WeirTestSupport

@testable import WeirPipeline

@Suite("Answers that replicas share, and renewals (issue 2)", .timeLimit(.minutes(5)))
struct SharedStoreTests {
  func counting() -> ScriptedUpstream {
    ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
  }

  /// Fills the shelf as another replica would have.
  func filled(_ shelf: SharedShelf) async throws {
    var options = SceneOptions()
    options.shared = shelf
    try await withScene(counting(), options: options) { scene in
      _ = try await scene.call("up__get")
      while await shelf.writes == 0, !Task.isCancelled { await Task.yield() }
    }
  }

  @Test("what another replica has fetched is not fetched again")
  func hit() async throws {
    let shelf = SharedShelf()
    try await filled(shelf)
    var options = SceneOptions()
    options.shared = shelf
    let upstream = counting()
    try await withScene(upstream, options: options) { scene in
      let first = try await scene.call("up__get")
      #expect(first.outcome == .hitRedis)
      let second = try await scene.call("up__get")
      #expect(second.outcome == .hitMemory)
      #expect(upstream.requests.isEmpty)
    }
  }

  @Test("a stale answer from the shared store is given at once and renewed behind it")
  func stale() async throws {
    let shelf = SharedShelf()
    try await filled(shelf)
    await shelf.age(by: .minutes(15))
    let gate = Gate()
    let upstream = ScriptedUpstream("up") { _, _ throws(CallError) in
      await gate.wait()
      return textResult("new")
    }
    var options = SceneOptions()
    options.shared = shelf
    try await withScene(upstream, options: options) { scene in
      let old = try await scene.call("up__get")
      #expect(old.outcome == .stale)
      #expect(old.text == "1")
      #expect(old.provenance?["freshUntil"] == nil)
      gate.open()
      while scene.flights.stats.flights > 0 || upstream.requests.isEmpty, !Task.isCancelled { await Task.yield() }
      let new = try await scene.call("up__get")
      #expect(new.text == "new")
      #expect(new.outcome == .hitMemory)
    }
  }

  @Test("nobody waits for the shared store to take an answer")
  func writeBehind() async throws {
    var options = SceneOptions()
    options.shared = SharedShelf(writesWait: Gate())
    try await withScene(counting(), options: options) { scene in
      let first = try await scene.call("up__get")
      #expect(first.outcome == .miss)
      let second = try await scene.call("up__get")
      #expect(second.outcome == .hitMemory)
    }
  }

  @Test("what waits to be written is written before the writer ends, and nothing after it")
  func drains() async throws {
    let (shelf, time) = (SharedShelf(), ManualTime())
    let cache = TieredStore<CallResult>(
      memory: MemoryStore(limits: MemoryLimits(), cores: 1), shared: shelf, time: time, encode: { $0.bytes },
      decode: { try? CallResult(storedNormalized: $0) })
    let writer = SharedWriter(cache: cache)
    let result = try CallResult(normalizing: JSONDocument(parsing: Array(textResult("kept").utf8)).root)
    let entry = CacheEntry(value: result, storedAt: time.wall(), freshFor: .minutes(1), staleFor: .zero, cost: .zero, upstreamRequests: 1)
    let keys = CacheKeyBuilder(partition: .all, upstream: "up", credential: "service", definition: [], method: "tools/call", tool: "get")
    func write(_ count: Int) {
      for number in 0..<count {
        let key = keys.key(arguments: Array("\(number)".utf8))
        writer.write(key, entry, since: cache.ticket(for: key, of: .none))
      }
    }
    write(40)
    writer.close()
    write(1)
    await writer.run()
    #expect(await shelf.writes == 40)
  }

  @Test("a renewal that brings nothing to keep is not paid for on every hit")
  func renewalsArePaced() async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)", isError: number > 1) }
    try await withScene(upstream) { scene in
      _ = try await scene.call("up__get")
      scene.time.advance(by: .minutes(11))
      for _ in 0..<20 {
        let reply = try await scene.call("up__get")
        #expect(reply.outcome == .stale)
        while scene.flights.stats.flights > 0, !Task.isCancelled { await Task.yield() }
      }
      #expect(upstream.requests.count == 2)
      scene.time.advance(by: .seconds(61))
      _ = try await scene.call("up__get")
      while scene.flights.stats.flights > 0, !Task.isCancelled { await Task.yield() }
      #expect(upstream.requests.count == 3)
    }
  }

  @Test("pauses between renewals double up to an hour, and end with a success")
  func pacer() throws {
    var pacer = RefreshPacer(capacity: 2)
    let builder = CacheKeyBuilder(partition: .all, upstream: "u", credential: "c", definition: [], method: "m", tool: "t")
    let keys = (0..<3).map { builder.key(arguments: [UInt8($0)]) }
    var now = Moment.zero
    for pause in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
      pacer.failed(keys[0], now: now)
      #expect(!pacer.mayRefresh(keys[0], now: now + .seconds(pause - 1)))
      now = now + .seconds(pause)
      #expect(pacer.mayRefresh(keys[0], now: now))
    }
    pacer.succeeded(keys[0])
    pacer.failed(keys[0], now: now)
    #expect(pacer.mayRefresh(keys[0], now: now + .seconds(60)))
    for key in keys { pacer.failed(key, now: now) }
    #expect(!pacer.mayRefresh(keys[2], now: now))
  }
}
