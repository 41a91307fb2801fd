import Testing
import WeirBilling
import WeirCache
import WeirCore
import WeirFlow
import WeirJSON
import WeirPipeline
import WeirTestSupport

@Suite("Answers cut from those to wider questions (issue 3)", .timeLimit(.minutes(5)))
struct WiderTests {
  private var options: SceneOptions {
    var options = SceneOptions()
    options.policy = UpstreamPolicy(pack: LetterPack())
    return options
  }

  private func upstream() -> ScriptedUpstream {
    ScriptedUpstream("up") { request, number throws(CallError) in LetterPack.answer(to: request.params, number: number) }
  }

  private func range(_ scene: Scene, _ from: Int, _ to: Int, _ who: String) -> String {
    let today = CivilDate(scene.time.wall())
    return #"{"from":"\#((today - from).text)","to":"\#((today - to).text)","who":"\#(who)"}"#
  }

  private func days(_ scene: Scene, _ from: Int, _ to: Int, _ who: String, _ number: Int) -> String {
    let today = CivilDate(scene.time.wall())
    return stride(from: from, to: to, by: -1).map { "[\((today - $0).text)#\(number)@\(who)]" }.joined()
  }

  private func asked(_ upstream: ScriptedUpstream) -> [String] {
    upstream.requests.map { request in
      let arguments = (try? JSONDocument(parsing: request.params))?.root["arguments"]
      return arguments?["who"]?.string ?? "everybody"
    }
  }

  @Test("the first to ask brings everybody's answer, and the next find theirs in it, over other ranges too")
  func shared() async throws {
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      let first = try await scene.call("up__get", range(scene, 10, 5, "a"))
      #expect(first.outcome == .miss && first.text == days(scene, 10, 5, "a", 1))
      #expect(first.provenance?["upstreamRequestsSaved"]?.int == 0)
      let second = try await scene.call("up__get", range(scene, 12, 6, "b"))
      #expect(second.outcome == .buckets && second.text == days(scene, 12, 6, "b", 1))
      #expect(second.provenance?["bucketsKnown"]?.int == 6)
      #expect(second.provenance?["upstreamRequestsSaved"]?.int == 1)
      let again = try await scene.call("up__get", range(scene, 12, 6, "b"))
      #expect(again.outcome == .hitMemory)
      let third = try await scene.call("up__get", range(scene, 7, 6, "c"))
      #expect(third.text == days(scene, 7, 6, "c", 1))
      #expect(asked(upstream) == ["everybody"])
    }
  }

  @Test("who asks while the wider question is under way waits for its answer")
  func underWay() async throws {
    let gate = Gate()
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in
      await gate.wait()
      return LetterPack.answer(to: request.params, number: number)
    }
    try await withScene(upstream, options: options) { scene in
      async let first = scene.call("up__get", range(scene, 10, 5, "a"))
      _ = await upstream.arrival()
      async let second = scene.call("up__get", range(scene, 10, 5, "b"))
      // Two calls, and their two flights with the wider one.
      while scene.flights.stats.waiters < 4, !Task.isCancelled { await Task.yield() }
      gate.open()
      let (one, other) = (try await first, try await second)
      #expect(one.outcome == .miss && one.text == days(scene, 10, 5, "a", 1))
      #expect(other.outcome == .coalesced && other.text == days(scene, 10, 5, "b", 1))
      #expect(other.provenance?["upstreamRequestsSaved"]?.int == 1)
      #expect(asked(upstream) == ["everybody"])
    }
  }

  @Test(
    "an answer is put together from fresh answers to other questions, and asked for where one of them is missing", arguments: [["x", "y"], ["x"]])
  func assembled(parts: [String]) async throws {
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      for who in ["list"] + parts { _ = try await scene.call("up__get", range(scene, 7, 5, who)) }
      let both = try await scene.call("up__get", range(scene, 7, 5, "both"))
      guard parts.count == 2 else {
        #expect(both.outcome == .miss && both.text == days(scene, 7, 5, "both", 3))
        return
      }
      let today = CivilDate(scene.time.wall())
      #expect(both.outcome == .buckets && both.provenance?["upstreamRequestsSaved"]?.int == 1)
      #expect(both.text == [7, 6].map { "[\((today - $0).text)#2@x+\((today - $0).text)#3@y]" }.joined())
      #expect(upstream.requests.count == 3)
    }
  }

  @Test("teams that share no answers share no wider ones")
  func apart() async throws {
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      _ = try await scene.call("up__get", range(scene, 10, 5, "a"))
      let other = try await scene.call("up__get", range(scene, 10, 5, "a"), by: scene.bob)
      #expect(other.outcome == .miss && other.text == days(scene, 10, 5, "a", 2))
      let colleague = try await scene.call("up__get", range(scene, 10, 5, "b"), by: scene.bobsColleague)
      #expect(colleague.outcome == .buckets && colleague.text == days(scene, 10, 5, "b", 2))
    }
  }

  @Test("what the wider answer does not tell is asked by itself, once")
  func untold() async throws {
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      let reply = try await scene.call("up__get", range(scene, 10, 5, "!"))
      #expect(reply.text == days(scene, 10, 5, "!", 2))
      #expect(reply.provenance?["upstreamRequestsSaved"]?.int == 0)
      #expect(asked(upstream) == ["everybody", "!"])
      let again = try await scene.call("up__get", range(scene, 9, 6, "!"))
      #expect(again.outcome == .buckets && again.text == days(scene, 9, 6, "!", 2))
      #expect(asked(upstream) == ["everybody", "!"])
    }
  }

  @Test("where the wider question fails or has another answer, the question itself is asked", arguments: ["no days", "error", "invalid"])
  func useless(_ kind: String) async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in
      guard number == 1 else { return LetterPack.answer(to: request.params, number: number) }
      if kind == "invalid" { throw CallError(.upstreamInvalid, "too large") }
      return textResult(kind, isError: kind == "error")
    }
    try await withScene(upstream, options: options) { scene in
      let reply = try await scene.call("up__get", range(scene, 10, 5, "a"))
      #expect(reply.outcome == .miss && reply.text == days(scene, 10, 5, "a", 2))
      #expect(asked(upstream) == ["everybody", "a"])
    }
  }

  @Test("a provider that throttles the wider question is not asked the narrow one too, and its words are not passed on")
  func throttled() async throws {
    let upstream = ScriptedUpstream("up") { _, _ throws(CallError) in textResult("throttled", isError: true) }
    try await withScene(upstream, options: options) { scene in
      let reply = try await scene.call("up__get", range(scene, 10, 5, "a"))
      #expect(reply.error?.reason == .throttled)
      #expect(upstream.requests.count == 1)
    }
  }

  @Test("where the provider throttles, the last answer is given, marked stale")
  func stale() async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in
      number == 1 ? LetterPack.answer(to: request.params, number: number) : textResult("throttled", isError: true)
    }
    try await withScene(upstream, options: options) { scene in
      let question = range(scene, 4, 0, "a")
      _ = try await scene.call("up__get", question)
      scene.time.advance(by: .hours(13))
      let reply = try await scene.call("up__get", question)
      #expect(reply.outcome == .stale && reply.text == days(scene, 4, 0, "a", 1))
    }
  }

  @Test("sums are made of what is known where the operator wants them, and asked for where not", arguments: [true, false])
  func sums(_ derives: Bool) async throws {
    var options = options
    options.derivesSums = derives
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      _ = try await scene.call("up__get", range(scene, 10, 5, "a"))
      let sum = try await scene.call("up__get", range(scene, 10, 5, "sum"))
      #expect(sum.outcome == (derives ? .buckets : .miss) && sum.text == days(scene, 10, 5, "sum", derives ? 1 : 2))
      #expect(asked(upstream) == (derives ? ["everybody"] : ["everybody", "sum"]))
    }
  }

  @Test("who wants no sums finds none in Redis, though another replica made them")
  func sumsOfOthers() async throws {
    let upstream = upstream()
    var options = options
    (options.shared, options.derivesSums) = (SharedShelf(), true)
    try await withScene(upstream, options: options) { scene in
      let sum = try await scene.call("up__get", range(scene, 10, 5, "sum"))
      #expect(sum.text == days(scene, 10, 5, "sum", 1))
    }
    options.derivesSums = false
    try await withScene(upstream, options: options) { scene in
      let own = try await scene.call("up__get", range(scene, 10, 5, "sum"))
      #expect(own.outcome == .miss && own.text == days(scene, 10, 5, "sum", 2))
      #expect(asked(upstream) == ["everybody", "sum"])
    }
  }

  @Test("a sum that its parts did not tell is asked for by itself, and the next one at once")
  func untoldSum() async throws {
    var options = options
    options.derivesSums = true
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      let first = try await scene.call("up__get", range(scene, 10, 5, "sum!"))
      #expect(first.text == days(scene, 10, 5, "sum!", 2))
      scene.time.advance(by: .hours(37))
      let second = try await scene.call("up__get", range(scene, 10, 5, "sum!"))
      #expect(second.text == days(scene, 10, 5, "sum!", 3))
      #expect(asked(upstream) == ["everybody", "sum!", "sum!"])
    }
  }

  @Test("a question that is its own widest form does not wait for itself")
  func itself() async throws {
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      let reply = try await scene.call("up__get", range(scene, 10, 5, "itself"))
      #expect(reply.outcome == .miss && reply.text == days(scene, 10, 5, "itself", 1))
    }
  }

  @Test("the last caller who leaves before the wider question is sent takes it back")
  func leaves() async throws {
    var options = options
    options.lane = LaneConfiguration(concurrency: 1)
    let gate = Gate()
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in
      if number == 1 { await gate.wait() }
      return LetterPack.answer(to: request.params, number: number)
    }
    try await withScene(upstream, options: options) { scene in
      async let first = scene.call("up__get", #"{"other":1}"#)
      _ = await upstream.arrival()
      let caller = Task { try await scene.call("up__get", range(scene, 10, 5, "a")) }
      while scene.flights.stats.waiters < 3, !Task.isCancelled { await Task.yield() }
      caller.cancel()
      let reason = try await caller.value.error?.reason
      #expect(reason == .cancelled)
      while scene.flights.stats.flights > 1, !Task.isCancelled { await Task.yield() }
      gate.open()
      _ = try await first
      #expect(upstream.requests.count == 1)
    }
  }

  @Test("an upstream that is not to be asked in wider terms is asked as its callers ask")
  func off() async throws {
    var options = options
    options.widens = false
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      let one = try await scene.call("up__get", range(scene, 10, 5, "a"))
      #expect(one.text == days(scene, 10, 5, "a", 1))
      let other = try await scene.call("up__get", range(scene, 10, 5, "b"))
      #expect(other.text == days(scene, 10, 5, "b", 2))
      #expect(asked(upstream) == ["a", "b"])
    }
  }
}
