import NIOConcurrencyHelpers
import Testing
import WeirBilling
import WeirCache
import WeirCore
import WeirFlow
import WeirJSON
import WeirMCP
import WeirPipeline
import WeirTenancy
import WeirTestSupport

@Suite("Calls that are not sent (issue 2)", .timeLimit(.minutes(5)))
struct RefusalTests {
  func upstream() -> ScriptedUpstream {
    ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
  }

  @Test("what a team may not call is neither in its list nor callable, also where another team's answer lies in the cache")
  func denied() async throws {
    let upstream = upstream()
    var options = SceneOptions()
    options.share = .all
    options.policy = UpstreamPolicy(rules: [CacheRule(tool: "*", freshness: Freshness(fresh: .minutes(10), stale: .zero))])
    try await withScene(upstream, options: options) { scene in
      _ = try await scene.call("up__set")
      let reply = try await scene.call("up__set", by: scene.bob)
      #expect(reply.error?.reason == .denied)
      #expect(reply.outcome == .refused)
      let list = try String(decoding: scene.pipeline.tools(at: .aggregate, for: scene.bob, in: .modern, after: nil).items, as: UTF8.self)
      #expect(list.contains("up__get"))
      #expect(!list.contains("up__set"))
      #expect(scene.metric(#"weir_calls_total{tenant="b",upstream="none",provider="none",outcome="refused"} 1"#))
    }
  }

  static let refusals: [(tool: Name, endpoint: Endpoint, line: String)] = [
    ("up__set", .aggregate, "reason=denied tenant=b tool=set upstream=up"), ("set", .upstream("up"), "reason=denied tenant=b tool=set upstream=up"),
    ("hidden", .upstream("up"), "reason=denied tenant=b tool=unlisted upstream=up"),
    ("up__hidden", .aggregate, "reason=unknown_tool tenant=b tool=unlisted upstream=none"),
  ]

  @Test("issue 2: the log says who was refused which tool, and nothing of what they sent", arguments: refusals)
  func logged(_ tool: Name, _ endpoint: Endpoint, _ line: String) async throws {
    let options = SceneOptions()
    try await withScene(upstream(), options: options) { scene in
      _ = try await scene.call(tool, #"{"account":"hunter2"}"#, by: scene.bob, at: endpoint)
      #expect(options.log.lines == ["call refused principal=\(scene.bob.principal) \(line)"])
    }
  }

  @Test("unknown names, also those of other endpoints, are unknown tools", arguments: ["get", "up__", "up__nothing", "UP__get", "other__get"])
  func unknown(_ name: String) async throws {
    try await withScene(upstream()) { scene in
      let found = try await scene.call(Name(name)).error?.reason
      #expect(found == .unknownTool)
    }
  }

  @Test("issue 4: an upstream's own endpoint brings it also names that it has not listed, and nothing is kept of what it says to them")
  func unlisted() async throws {
    let upstream = upstream()
    var options = SceneOptions()
    options.policy = UpstreamPolicy(rules: [CacheRule(tool: "*", freshness: Freshness(fresh: .minutes(10), stale: .zero))])
    try await withScene(upstream, options: options) { scene in
      for _ in 0..<2 {
        let outcome = try await scene.call("hidden", at: .upstream("up")).outcome
        #expect(outcome == .bypass)
      }
      // Names that callers make up fill no report.
      #expect(scene.usage.usage(of: scene.usage.currentMonth)?.rows.keys.map(\.tool) == ["unlisted"])
      let denied = try await scene.call("hidden", by: scene.bob, at: .upstream("up")).error?.reason
      #expect(denied == .denied)
      let tooLong = try await scene.call(Name(String(repeating: "x", count: 129)), at: .upstream("up")).error?.reason
      #expect(tooLong == .unknownTool)
    }
  }

  @Test("issue 4: results that are no objects are described to clients of the modern era only")
  func looseOutput() async throws {
    try await withScene(upstream()) { scene in
      let json = Array(#"{"name":"rows","outputSchema":{"type":"array"},"inputSchema":{}}"#.utf8)
      let strict = Array(#"{"name":"one","outputSchema":{"type":"object"}}"#.utf8)
      scene.directory.upstream(
        "up",
        offers: UpstreamCatalog(tools: [
          ToolDefinition(name: "rows", json: json, readOnlyHint: false, digest: [1]),
          ToolDefinition(name: "one", json: strict, readOnlyHint: false, digest: [2]),
        ]))
      func listed(_ era: ProtocolEra, _ endpoint: Endpoint) throws -> String {
        try String(decoding: scene.pipeline.tools(at: endpoint, for: scene.alice, in: era, after: nil).items, as: UTF8.self)
      }
      let (modern, legacy, joined) = (try listed(.modern, .upstream("up")), try listed(.legacy, .upstream("up")), try listed(.legacy, .aggregate))
      #expect(modern.contains(#""outputSchema":{"type":"array"}"#))
      #expect(legacy == #"[{"name":"rows","inputSchema":{}},{"name":"one","outputSchema":{"type":"object"}}]"#)
      #expect(joined.contains(#"{"name":"up__rows","inputSchema":{}}"#))
    }
  }

  @Test("issue 4: an upstream that has never been listed has no tools of any name")
  func neverListed() {
    let directory = ToolDirectory(upstreams: [
      UpstreamSettings(name: "up", credential: "", policy: UpstreamPolicy(), provider: "p", share: .tenant, callTimeout: .seconds(60))
    ])
    #expect(directory.snapshot.route(named: "any", at: .upstream("up")) == nil)
  }

  @Test("issue 4: a change that an upstream announces is passed on, also where its list is the same as before")
  func announced() {
    let told = NIOLockedValueBox<[UpstreamFeatures]>([])
    let directory = ToolDirectory(
      upstreams: [UpstreamSettings(name: "up", credential: "", policy: UpstreamPolicy(), provider: "p", share: .tenant, callTimeout: .seconds(60))],
      onChange: { upstream, lists in told.withLockedValue { $0.append(upstream == "up" ? lists : []) } })
    let catalog = UpstreamCatalog(tools: [tool("get")])
    directory.upstream("up", offers: catalog)
    directory.upstream("up", offers: catalog)
    directory.upstream("up", offers: catalog, announced: .prompts)
    directory.upstream("up", offers: UpstreamCatalog(tools: [tool("set")]), announced: .prompts)
    #expect(told.withLockedValue { $0 } == [.tools, .prompts, [.tools, .prompts]])
  }

  @Test("arguments that are no object are invalid", arguments: ["[]", "1", "null", #""x""#])
  func arguments(_ arguments: String) async throws {
    try await withScene(upstream()) { scene in
      let found = try await scene.call("up__get", arguments).error?.reason
      #expect(found == .invalidParams)
    }
  }

  @Test("where the rate leaves no room before the deadline the model is told when to try again")
  func throttled() async throws {
    var options = SceneOptions()
    options.callTimeout = .seconds(5)
    options.lane = LaneConfiguration(limits: [RateLimit(count: 1, period: .seconds(60), burst: 1)].compactMap { $0 })
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      _ = try await scene.call("up__get", #"{"a":1}"#)
      let error = try await scene.call("up__get", #"{"a":2}"#).error
      #expect(error?.reason == .throttled)
      #expect((error?.retryAfter ?? .zero) > .seconds(30))
      #expect(upstream.requests.count == 1)
    }
  }

  @Test("a refused caller gets the last answer, marked stale, where there is one")
  func staleInsteadOfRefusal() async throws {
    var options = SceneOptions()
    options.lane = LaneConfiguration(budgets: [BudgetLimit(per: .day, requests: 1)])
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      _ = try await scene.call("up__get")
      let found = try await scene.call("up__get_other").error?.reason
      #expect(found == .overBudget)
      scene.time.advance(by: .minutes(11))
      let reply = try await scene.call("up__get")
      #expect(reply.outcome == .stale)
      #expect(reply.text == "1")
    }
  }

  @Test("a provider that throttles is left alone for a while")
  func pushedBack() async throws {
    var options = SceneOptions()
    options.callTimeout = .seconds(5)
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in
      if number == 1 { throw CallError(.throttled, "slow down", retryAfter: .seconds(30)) }
      return textResult("\(number)")
    }
    try await withScene(upstream, options: options) { scene in
      let found = try await scene.call("up__get").error?.reason
      #expect(found == .throttled)
      let then = try await scene.call("up__get").error?.reason
      #expect(then == .throttled)
      #expect(upstream.requests.count == 1)
      scene.time.advance(by: .seconds(31))
      let last2 = try await scene.call("up__get").text
      #expect(last2 == "2")
    }
  }

  @Test("an upstream that is down is not asked, and its kept answers go on")
  func down() async throws {
    let upstream = upstream()
    try await withScene(upstream) { scene in
      _ = try await scene.call("up__get")
      upstream.become(.down(reason: "no process"))
      let found = try await scene.call("up__get").outcome
      #expect(found == .hitMemory)
      let then = try await scene.call("up__get_other").error?.reason
      #expect(then == .upstreamDown)
      scene.time.advance(by: .minutes(11))
      let last2 = try await scene.call("up__get").outcome
      #expect(last2 == .stale)
    }
  }

  @Test(
    "a budget that is used up gives the last answer or nothing, as the operator wants (issue 3)", arguments: [BudgetLimit.AtLimit.serveStale, .stop])
  func budget(atLimit: BudgetLimit.AtLimit) async throws {
    var options = SceneOptions()
    options.lane = LaneConfiguration(budgets: [BudgetLimit(per: .month, requests: 1, atLimit: atLimit)])
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      _ = try await scene.call("up__get")
      let fresh = try await scene.call("up__get").outcome
      #expect(fresh == .hitMemory)
      scene.time.advance(by: .minutes(11))
      let reply = try await scene.call("up__get")
      switch atLimit {
      case .serveStale: #expect(reply.outcome == .stale)
      case .stop: #expect(reply.error?.reason == .overBudget)
      }
      #expect(upstream.requests.count == 1)
    }
  }
}
