import Testing
import WeirBilling
import WeirCore
import WeirFlow
import WeirJSON
import WeirPipeline
import WeirTestSupport

@Suite("Answers that come along in the room that a request has left (issue 3)", .timeLimit(.minutes(5)))
struct PassengerTests {
  private func options(likely: [String]) -> SceneOptions {
    var options = SceneOptions()
    options.policy = UpstreamPolicy(pack: LetterPack(likely: likely))
    return options
  }

  private func letters(_ upstream: ScriptedUpstream) -> [String] {
    upstream.requests.compactMap { (try? JSONDocument(parsing: $0.params))?.root["arguments"]?["letters"]?.string }
  }

  private func ask(_ query: String, in scene: Scene) async throws -> CallReply {
    async let reply = scene.call("up__get", #"{"letters":"\#(query)"}"#)
    while scene.lane.stats.depth == 0, !Task.isCancelled { await Task.yield() }
    scene.time.advance(by: .milliseconds(15))
    return try await reply
  }

  @Test("what is likely to be asked comes along with what is asked, and whoever asks for it finds it")
  func along() async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in LetterPack.answer(to: request.params, number: number) }
    try await withScene(upstream, options: options(likely: ["b", "c"])) { scene in
      let first = try await ask("a", in: scene)
      #expect(first.outcome == .miss && first.text == "<a>")
      #expect(first.provenance?["upstreamRequestsSaved"]?.int == 0)
      for letter in ["b", "c"] {
        let reply = try await scene.call("up__get", #"{"letters":"\#(letter)"}"#)
        #expect(reply.outcome == .hitMemory && reply.text == "<\(letter)>")
      }
      #expect(letters(upstream) == ["abc"])
    }
  }

  @Test("an answer that is fresh for more than half of its life stays at home", arguments: [(4, "x"), (6, "xab")])
  func due(minutes: Int, _ asked: String) async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in LetterPack.answer(to: request.params, number: number) }
    try await withScene(upstream, options: options(likely: ["a", "b"])) { scene in
      _ = try await ask("a", in: scene)
      scene.time.advance(by: .minutes(minutes))
      _ = try await ask("x", in: scene)
      #expect(letters(upstream) == ["ab", asked])
    }
  }

  @Test("nothing comes along where an upstream is not to be asked in wider terms")
  func off() async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in LetterPack.answer(to: request.params, number: number) }
    var options = options(likely: ["b"])
    options.widens = false
    try await withScene(upstream, options: options) { scene in
      _ = try await ask("a", in: scene)
      #expect(letters(upstream) == ["a"])
    }
  }

  @Test(
    "a request that gets no answer is asked again without what came along, and nothing comes along again that day", arguments: ["error", "broken"])
  func refused(how: String) async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in
      if number > 1 { return LetterPack.answer(to: request.params, number: number) }
      if how == "broken" { throw CallError(.upstreamInvalid, "broken") }
      return textResult("ValidationException", isError: true)
    }
    try await withScene(upstream, options: options(likely: ["b"])) { scene in
      let first = try await ask("a", in: scene)
      #expect(first.text == "<a>")
      let second = try await ask("c", in: scene)
      #expect(second.text == "<c>")
      #expect(letters(upstream) == ["ab", "a", "c"])
    }
  }

  @Test("an answer that tells nobody's share is asked for again without what came along, which may come along next time")
  func untold() async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in
      number == 1 ? textResult("<?>") : LetterPack.answer(to: request.params, number: number)
    }
    try await withScene(upstream, options: options(likely: ["b"])) { scene in
      let first = try await ask("a", in: scene)
      #expect(first.text == "<a>")
      let second = try await ask("c", in: scene)
      #expect(second.text == "<c>")
      #expect(letters(upstream) == ["ab", "a", "cb"])
    }
  }

  @Test("a throttled request is not repeated without what came along")
  func throttled() async throws {
    let upstream = ScriptedUpstream("up") { _, _ throws(CallError) in textResult("throttled", isError: true) }
    try await withScene(upstream, options: options(likely: ["b"])) { scene in
      let first = try await ask("a", in: scene)
      #expect(first.text == "throttled")
      #expect(upstream.requests.count == 1)
    }
  }
}
