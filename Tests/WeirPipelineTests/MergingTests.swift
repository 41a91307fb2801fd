import Testing
import WeirBilling
import WeirCache
import WeirCore
import WeirFlow
import WeirJSON
import WeirPipeline
import WeirTestSupport

@Suite("Calls that leave as one (issue 3)", .timeLimit(.minutes(5)))
struct MergingTests {
  private var options: SceneOptions {
    var options = SceneOptions()
    options.policy = UpstreamPolicy(pack: LetterPack())
    return options
  }

  private func letters(_ upstream: ScriptedUpstream) -> [String] {
    upstream.requests.compactMap { (try? JSONDocument(parsing: $0.params))?.root["arguments"]?["letters"]?.string }
  }

  /// Calls for each of these at once, after all of them have begun to wait for company.
  private func replies(_ queries: [String], in scene: Scene, by caller: (Int) -> Int = { _ in 0 }) async throws -> [CallReply] {
    try await withThrowingTaskGroup(of: (Int, CallReply).self) { group in
      for (index, query) in queries.enumerated() {
        let identity = caller(index) == 0 ? scene.alice : scene.bob
        group.addTask { (index, try await scene.call("up__get", #"{"letters":"\#(query)"}"#, by: identity)) }
      }
      while scene.lane.stats.depth < queries.count, !Task.isCancelled { await Task.yield() }
      scene.time.advance(by: .milliseconds(15))
      var replies: [(Int, CallReply)] = []
      for try await reply in group { replies.append(reply) }
      return replies.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  @Test("twelve different calls make one request, and everybody gets its own answer")
  func twelve() async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in LetterPack.answer(to: request.params, number: number) }
    try await withScene(upstream, options: options) { scene in
      let queries = "abcdefghijkl".map(String.init)
      let replies = try await replies(queries, in: scene)
      #expect(replies.map(\.text) == queries.map { "<\($0)>" })
      #expect(replies.allSatisfy { $0.outcome == .merged && $0.provenance?["merged"]?.int == 12 })
      #expect(replies.reduce(0) { $0 + ($1.provenance?["upstreamRequestsSaved"]?.int ?? 0) } == 11)
      #expect(upstream.requests.count == 1)
      #expect(scene.metric(#"weir_saved_requests_total{tenant="a",provider="provider",how="merged"} 11"#))
      #expect(scene.metric(#"weir_saved_cost_usd_total{tenant="a",provider="provider",how="merged"} 0.11"#))
      let again = try await scene.call("up__get", #"{"letters":"c"}"#)
      #expect(again.outcome == .hitMemory)
      #expect(again.text == "<c>")
    }
  }

  @Test("a call that nobody could merge with waits no longer than the linger")
  func alone() async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in LetterPack.answer(to: request.params, number: number) }
    try await withScene(upstream, options: options) { scene in
      let replies = try await replies(["a"], in: scene)
      #expect(replies.first?.outcome == .miss)
      #expect(letters(upstream) == ["a"])
    }
  }

  @Test("whom the common answer does not tell is asked alone, once")
  func notTold() async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in LetterPack.answer(to: request.params, number: number) }
    try await withScene(upstream, options: options) { scene in
      let replies = try await replies(["a", "b!", "c"], in: scene)
      #expect(replies.map(\.text) == ["<a>", "<b><!>", "<c>"])
      #expect(replies.map(\.outcome) == [.merged, .miss, .merged])
      #expect(upstream.requests.count == 2)
      #expect(letters(upstream).last == "b!")
    }
  }

  @Test("a common request that fails is followed by one for each, once", arguments: ["error result", "broken"])
  func fails(how: String) async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in
      if number > 1 { return LetterPack.answer(to: request.params, number: number) }
      if how == "broken" { throw CallError(.upstreamInvalid, "broken") }
      return textResult("ValidationException", isError: true)
    }
    try await withScene(upstream, options: options) { scene in
      let replies = try await replies(["a", "b", "c"], in: scene)
      #expect(replies.map(\.text) == ["<a>", "<b>", "<c>"])
      #expect(replies.allSatisfy { $0.outcome == .miss })
      #expect(upstream.requests.count == 4)
    }
  }

  @Test("a common answer that tells nobody's share is asked for again in halves", arguments: [(8, 3, 7), (3, 1, 5), (5, 9, 1)])
  func halves(calls: Int, most: Int, requests: Int) async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in
      let answer = LetterPack.answer(to: request.params, number: number)
      return answer.split(separator: "<").count - 1 > most ? textResult("<?>") : answer
    }
    try await withScene(upstream, options: options) { scene in
      let queries = "abcdefgh".prefix(calls).map(String.init)
      let replies = try await replies(queries, in: scene)
      #expect(replies.map(\.text) == queries.map { "<\($0)>" })
      #expect(upstream.requests.count == requests)
    }
  }

  @Test("a throttled common request is not repeated for each")
  func throttled() async throws {
    let upstream = ScriptedUpstream("up") { _, _ throws(CallError) in textResult("throttled", isError: true) }
    try await withScene(upstream, options: options) { scene in
      let replies = try await replies(["a", "b", "c"], in: scene)
      #expect(replies.filter { $0.text == "throttled" }.count == 1)
      #expect(replies.filter { $0.error?.reason == .throttled }.count == 2)
      #expect(upstream.requests.count == 1)
    }
  }

  @Test("a provider that answers nobody now is asked once for all", arguments: [CallError.Reason.throttled, .upstreamDown])
  func answersNobody(reason: CallError.Reason) async throws {
    let upstream = ScriptedUpstream("up") { _, _ throws(CallError) in throw CallError(reason, "not now") }
    try await withScene(upstream, options: options) { scene in
      let replies = try await replies(["a", "b", "c"], in: scene)
      #expect(replies.allSatisfy { $0.error?.reason == reason })
      #expect(upstream.requests.count == 1)
    }
  }

  @Test("tenants share a request only where they share answers", arguments: [(SharingClass.all, 1), (.tenant, 2), (.principal, 2)])
  func tenants(share: SharingClass, requests: Int) async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in LetterPack.answer(to: request.params, number: number) }
    var options = options
    options.share = share
    try await withScene(upstream, options: options) { scene in
      let replies = try await replies(["a", "b", "c", "d"], in: scene) { $0 % 2 }
      #expect(replies.map(\.text) == ["<a>", "<b>", "<c>", "<d>"])
      #expect(upstream.requests.count == requests)
      #expect(Set(letters(upstream).map { String($0.sorted()) }) == (requests == 1 ? ["abcd"] : ["ac", "bd"]))
    }
  }

  @Test("a caller who leaves takes nobody's answer away, head or not", arguments: [0, 1, 2])
  func leaving(who: Int) async throws {
    let gate = Gate()
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in
      await gate.wait()
      return LetterPack.answer(to: request.params, number: number)
    }
    try await withScene(upstream, options: options) { scene in
      let calls = ["a", "b", "c"].map { query in Task { try await scene.call("up__get", #"{"letters":"\#(query)"}"#) } }
      while scene.lane.stats.depth < 3, !Task.isCancelled { await Task.yield() }
      scene.time.advance(by: .milliseconds(15))
      _ = await upstream.arrival()
      calls[who].cancel()
      let left = try await calls[who].value.error?.reason
      #expect(left == .cancelled)
      gate.open()
      for index in 0..<3 where index != who {
        let text = try await calls[index].value.text
        #expect(text == "<\(["a", "b", "c"][index])>")
      }
      #expect(upstream.requests.count == 1)
    }
  }

  @Test("what waits for a token leaves together with the next one")
  func throttledLane() async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in LetterPack.answer(to: request.params, number: number) }
    var options = options
    options.lane = LaneConfiguration(limits: [RateLimit(count: 1, period: .seconds(10), burst: 1)].compactMap { $0 }, concurrency: 4)
    try await withScene(upstream, options: options) { scene in
      let first = try await replies(["z"], in: scene)
      #expect(first.first?.outcome == .miss)
      let rest = try await withThrowingTaskGroup(of: String?.self) { group in
        for query in ["a", "b", "c", "d"] {
          group.addTask { try await scene.call("up__get", #"{"letters":"\#(query)"}"#).text }
        }
        while scene.lane.stats.depth < 4, !Task.isCancelled { await Task.yield() }
        scene.time.advance(by: .seconds(1))
        scene.time.advance(by: .seconds(9))
        return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
      }
      #expect(rest == ["<a>", "<b>", "<c>", "<d>"])
      #expect(upstream.requests.count == 2)
    }
  }
}
