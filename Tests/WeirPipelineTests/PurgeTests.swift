import Testing
import WeirBilling
import WeirCache
import WeirCore
import WeirFlow
import WeirJSON
import WeirPipeline
import WeirTestSupport

@Suite("Purges of what callers are given (issue 5)", .timeLimit(.minutes(5)))
struct PurgeTests {
  private func counting() -> ScriptedUpstream {
    ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
  }

  @Test(
    "a purged answer is asked for again, another is not",
    arguments: [
      (PurgeScope.all, true), (.upstream("up"), true), (.tool(upstream: "up", tool: "get"), true), (.tenant("a"), true),
      (.tool(upstream: "up", tool: "get_other"), false), (.tenant("b"), false), (.upstream("other"), false), (.tag("none"), false),
    ])
  func again(scope: PurgeScope, isPurged: Bool) async throws {
    try await withScene(counting()) { scene in
      let first = try await scene.call("up__get")
      scene.cache.purges.purge([scope], now: scene.time.now())
      let second = try await scene.call("up__get")
      let third = try await scene.call("up__get")
      #expect(first.text == "1" && second.text == (isPurged ? "2" : "1"))
      #expect(second.outcome == (isPurged ? .miss : .hitMemory) && third.outcome == .hitMemory)
    }
  }

  @Test("a tenant's purge leaves what other tenants have, though they share it")
  func otherTenants() async throws {
    var options = SceneOptions()
    options.share = .all
    try await withScene(counting(), options: options) { scene in
      _ = try await scene.call("up__get", by: scene.alice)
      scene.cache.purges.purge([.tenant("b")], now: scene.time.now())
      #expect(try await scene.call("up__get", by: scene.alice).text == "1")
      #expect(try await scene.call("up__get", by: scene.bob).text == "2")
      #expect(try await scene.call("up__get", by: scene.bobsColleague).outcome == .hitMemory)
    }
  }

  @Test("what is being fetched when it is purged is given to who asked before, to nobody who asks after, and kept nowhere")
  func underWay() async throws {
    let gates = [Gate(), Gate()]
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in
      if number <= gates.count { await gates[number - 1].wait() }
      return textResult("\(number)")
    }
    var options = SceneOptions()
    options.shared = SharedShelf()
    try await withScene(upstream, options: options) { scene in
      let before = Task { try await scene.call("up__get") }
      _ = await upstream.arrival()
      scene.cache.purges.purge([.tool(upstream: "up", tool: "get")], now: scene.time.now())
      let after = Task { try await scene.call("up__get") }
      while scene.flights.stats.waiters < 2, !Task.isCancelled { await Task.yield() }
      gates[0].open()
      #expect(try await before.value.text == "1")
      while upstream.requests.count < 2, !Task.isCancelled { await Task.yield() }
      gates[1].open()
      #expect(try await after.value.text == "2")
      let last = try await scene.call("up__get")
      #expect(last.text == "2" && last.outcome == .hitMemory)
      #expect(scene.cache.memory.stats.rejected[.superseded] == 1)
    }
  }

  @Test("a purged answer is no stale one either: where the provider fails, the caller is told so")
  func neverStale() async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in
      if number > 1 { throw CallError(.upstreamDown, "gone") }
      return textResult("\(number)")
    }
    try await withScene(upstream) { scene in
      _ = try await scene.call("up__get")
      scene.time.advance(by: .minutes(11))
      let stale = try await scene.call("up__get")
      #expect(stale.outcome == .stale)
      scene.cache.purges.purge([.tenant("a")], now: scene.time.now())
      #expect(try await scene.call("up__get").error?.reason == .upstreamDown)
    }
  }

  @Test("tags are those of the upstream and of every rule that matches the tool")
  func tags() {
    let settings = UpstreamSettings(
      name: "up", credential: "c", policy: UpstreamPolicy(rules: []), provider: "p", share: .tenant, tags: ["bills"],
      toolTags: [("get*", ["reads", "bills"]), ("get_cost", ["cost"]), ("set", ["writes"])], callTimeout: .seconds(1))
    let marks = PurgeMarks()
    let before = marks.stamp
    let key = CacheKeyBuilder(partition: .all, upstream: "up", credential: "c", definition: [], method: "m", tool: "t").key(arguments: [])
    marks.purge([.tag("cost")], now: .zero)
    #expect(marks.covers(before, key, settings.scopes(of: "get_cost")) && !marks.covers(before, key, settings.scopes(of: "get")))
    #expect(!marks.covers(before, key, settings.scopes(of: nil)))
    marks.purge([.tag("bills")], now: .zero)
    #expect(marks.covers(before, key, settings.scopes(of: "set")) && marks.covers(before, key, settings.scopes(of: nil)))
  }
}
