import Testing
import WeirBilling
import WeirCache
import WeirCore
import WeirFlow
import WeirJSON
import WeirMCP
import WeirPipeline
import WeirTestSupport

@Suite("Answers are given again (issue 2)", .timeLimit(.minutes(5)))
struct CachingTests {
  @Test("the second caller of the same question gets the first one's answer, and the provider is not asked")
  func hit() async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("answer \(number)") }
    try await withScene(upstream) { scene in
      let first = try await scene.call("up__get", #"{"a":1}"#)
      scene.time.advance(by: .seconds(30))
      guard case .finished(let second) = try scene.step("up__get", #"{ "a" : 1.0 }"#) else {
        Issue.record("a hit has to be answered at once")
        return
      }
      #expect(first.outcome == .miss)
      #expect(second.outcome == .hitMemory)
      #expect(second.text == "answer 1")
      #expect(second.provenance?["outcome"]?.string == "hit_memory")
      #expect(second.provenance?["ageSeconds"]?.int == 30)
      #expect(second.provenance?["upstreamRequestsSaved"]?.int == 1)
      #expect(second.provenance?["costSavedUSD"]?.double == 0.01)
      #expect(upstream.requests.count == 1)
      #expect(scene.metric(#"weir_calls_total{tenant="a",upstream="up",provider="provider",outcome="hit_memory"} 1"#))
      #expect(scene.metric(#"weir_upstream_cost_usd_total{tenant="a",provider="provider"} 0.01"#))
      #expect(scene.metric(#"weir_saved_cost_usd_total{tenant="a",provider="provider",how="hit"} 0.01"#))
    }
  }

  @Test("other arguments, another tool, another upstream are other questions")
  func differentQuestions() async throws {
    let up = ScriptedUpstream("up") { _, number throws(CallError) in textResult("up \(number)") }
    let other = ScriptedUpstream("other") { _, number throws(CallError) in textResult("other \(number)") }
    try await withScene(up, other) { scene in
      for (name, arguments) in [("up__get", "{}"), ("up__get", #"{"a":1}"#), ("up__get_other", "{}"), ("other__get", "{}")] {
        let reply = try await scene.call(Name(name), arguments)
        #expect(reply.outcome == .miss)
      }
      #expect(up.requests.count == 3)
      #expect(other.requests.count == 1)
    }
  }

  @Test("the endpoint of one upstream shares with the aggregate, under the tool's own name")
  func endpoints() async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
    try await withScene(upstream) { scene in
      _ = try await scene.call("up__get")
      let reply = try await scene.call("get", at: .upstream("up"))
      #expect(reply.outcome == .hitMemory)
    }
  }

  @Test(
    "who shares an answer is the operator's word",
    arguments: [(SharingClass.all, 1), (.tenant, 2), (.principal, 3)])
  func sharing(_ share: SharingClass, _ requests: Int) async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
    var options = SceneOptions()
    options.share = share
    try await withScene(upstream, options: options) { scene in
      for caller in [scene.alice, scene.bob, scene.bobsColleague] { _ = try await scene.call("up__get", by: caller) }
      #expect(upstream.requests.count == requests)
    }
  }

  @Test(
    "what is no answer is given once and not kept",
    arguments: [textResult("no", isError: true)])
  func errors(_ result: String) async throws {
    let upstream = ScriptedUpstream("up") { _, _ throws(CallError) in result }
    try await withScene(upstream) { scene in
      let found = try await scene.call("up__get").text
      #expect(found == "no")
      let then = try await scene.call("up__get").outcome
      #expect(then == .miss)
      #expect(upstream.requests.count == 2)
      #expect(!scene.metric(#"weir_upstream_cost_usd_total{tenant="a",provider="provider"} 0.01"#))
    }
  }

  @Test("an answer that asks for input is refused, not kept")
  func inputRequired() async throws {
    let upstream = ScriptedUpstream("up") { _, _ throws(CallError) in #"{"resultType":"input_required","requestState":"s"}"# }
    try await withScene(upstream) { scene in
      let found = try await scene.call("up__get").error?.reason
      #expect(found == .upstreamInvalid)
      let then = try await scene.call("up__get").error?.reason
      #expect(then == .upstreamInvalid)
      #expect(upstream.requests.count == 2)
    }
  }

  @Test("a tool that nobody called cacheable is asked every time, with the caller's own meta")
  func bypass() async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
    try await withScene(upstream) { scene in
      let meta = #","_meta":{"traceparent":"00-1","progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#
      let first = try await scene.call("up__set", members: meta)
      let second = try await scene.call("up__set", members: meta)
      #expect(first.outcome == .bypass)
      #expect(second.text == "2")
      #expect(upstream.requests.last?.meta == Array(#"{"traceparent":"00-1"}"#.utf8))
      #expect(upstream.requests.last?.isRepeatable == false)
    }
  }

  @Test("what is to continue a call that Weir has not sealed is refused, and the upstream does not see it")
  func foreignState() async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
    try await withScene(upstream) { scene in
      _ = try await scene.call("up__get")
      let refused = try await scene.call("up__get", members: #","requestState":"abc""#)
      #expect(refused.error?.reason == .invalidParams)
      #expect(upstream.requests.count == 1)
    }
  }

  @Test("a call that waits for input goes on where its own caller brings back what was sealed")
  func rounds() async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in
      guard number > 1 else { return #"{"resultType":"input_required","inputRequests":{},"requestState":"secret of the upstream"}"# }
      return textResult(String(decoding: request.params, as: UTF8.self).contains(#""requestState":"secret of the upstream""#) ? "went on" : "lost")
    }
    try await withScene(upstream) { scene in
      let asked = try await scene.call("up__get", by: scene.bob, members: #","inputResponses":{}"#)
      guard case .result(let result, _) = asked.body, let root = try? JSONDocument(parsing: result.bytes).root else {
        return #expect(Bool(false), "nothing was asked")
      }
      #expect(result.unfinishedType == Array(#""input_required""#.utf8))
      let state = try #require(root["requestState"]?.string)
      #expect(!state.contains("secret"))
      let foreign = try await scene.call("up__get", by: scene.bobsColleague, members: #","requestState":"\#(state)""#)
      #expect(foreign.error?.reason == .invalidParams)
      let answered = try await scene.call("up__get", by: scene.bob, members: #","inputResponses":{},"requestState":"\#(state)""#)
      #expect(answered.text == "went on")
      #expect(upstream.requests.count == 2)
    }
  }

  @Test(
    "calls that continue others are never shared",
    arguments: [#","inputResponses":{}"#, #","task":{"ttl":1}"#])
  func continuations(_ members: String) async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
    try await withScene(upstream) { scene in
      _ = try await scene.call("up__get")
      let found = try await scene.call("up__get", members: members).outcome
      #expect(found == .bypass)
      #expect(upstream.requests.count == 2)
    }
  }

  @Test("a stale answer is given at once, and one new one is fetched behind it")
  func stale() async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
    try await withScene(upstream) { scene in
      _ = try await scene.call("up__get")
      _ = await upstream.arrival()
      scene.time.advance(by: .minutes(11))
      for _ in 0..<3 {
        let reply = try await scene.call("up__get")
        #expect(reply.outcome == .stale || reply.text == "2")
      }
      _ = await upstream.arrival()
      #expect(upstream.requests.count == 2)
      while scene.flights.stats.flights > 0, !Task.isCancelled { await Task.yield() }
      let renewed = try await scene.call("up__get")
      #expect(renewed.outcome == .hitMemory)
      #expect(renewed.text == "2")
    }
  }

  @Test("after its whole life an answer is gone")
  func expired() async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
    try await withScene(upstream) { scene in
      _ = try await scene.call("up__get")
      scene.time.advance(by: .minutes(71))
      let found = try await scene.call("up__get").outcome
      #expect(found == .miss)
    }
  }

  @Test("a tool whose definition changed does not answer from its predecessor's entries")
  func changedDefinition() async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
    try await withScene(upstream) { scene in
      _ = try await scene.call("up__get")
      let changed = ToolDefinition(name: "get", json: Array(#"{"name":"get","description":"new"}"#.utf8), readOnlyHint: false, digest: [9])
      scene.directory.upstream("up", offers: UpstreamCatalog(tools: [changed]))
      let found = try await scene.call("up__get").outcome
      #expect(found == .miss)
      let then = try await scene.call("up__set").error?.reason
      #expect(then == .unknownTool)
    }
  }
}
