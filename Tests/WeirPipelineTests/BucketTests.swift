import Testing
import WeirBilling
import WeirCache
import WeirCore
import WeirJSON
import WeirPipeline
import WeirTestSupport

@Suite("Answers from time buckets (issue 3)", .timeLimit(.minutes(5)))
struct BucketTests {
  private var options: SceneOptions {
    var options = SceneOptions()
    options.policy = UpstreamPolicy(pack: LetterPack())
    return options
  }

  private func upstream() -> ScriptedUpstream {
    ScriptedUpstream("up") { request, number throws(CallError) in LetterPack.answer(to: request.params, number: number) }
  }

  /// The range from so many days before today, to so many.
  private func range(_ scene: Scene, _ from: Int, _ to: Int) -> String {
    let today = CivilDate(scene.time.wall())
    return #"{"from":"\#((today - from).text)","to":"\#((today - to).text)"}"#
  }

  /// Each day's text with the number of the request that brought it.
  private func days(_ scene: Scene, _ from: Int, _ to: Int, _ number: (Int) -> Int) -> String {
    let today = CivilDate(scene.time.wall())
    return stride(from: from, to: to, by: -1).map { "[\((today - $0).text)#\(number($0))]" }.joined()
  }

  @Test("an overlapping range asks for the days only that are not known")
  func overlap() async throws {
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      let first = try await scene.call("up__get", range(scene, 30, 10))
      #expect(first.outcome == .miss)
      #expect(first.text == days(scene, 30, 10) { _ in 1 })
      let second = try await scene.call("up__get", range(scene, 25, 5))
      #expect(second.outcome == .buckets)
      #expect(second.text == days(scene, 25, 5) { $0 > 10 ? 1 : 2 })
      #expect(second.provenance?["buckets"]?.int == 20)
      #expect(second.provenance?["bucketsKnown"]?.int == 15)
      let third = try await scene.call("up__get", range(scene, 28, 6))
      #expect(third.outcome == .buckets)
      #expect(third.provenance?["upstreamRequestsSaved"]?.int == 1)
      let day = try await scene.call("up__get", range(scene, 12, 11))
      #expect(day.outcome == .hitMemory)
      #expect(upstream.requests.count == 2)
    }
  }

  @Test("a dashboard of ninety days asks for the last days every morning")
  func dashboard() async throws {
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      var asked: [Int] = []
      for _ in 0..<5 {
        _ = try await scene.call("up__get", range(scene, 90, 0))
        if let sent = upstream.requests.last, let arguments = (try? JSONDocument(parsing: sent.params))?.root["arguments"],
          let from = LetterPack.day(arguments["from"]), let to = LetterPack.day(arguments["to"])
        {
          asked.append(to.days - from.days)
        }
        scene.time.advance(by: .hours(24))
      }
      #expect(upstream.requests.count == 5)
      #expect(asked.first == 90)
      // The month is not over or not closed: its days and those of the closing month are asked for again, the closed ones never.
      #expect(asked.dropFirst().allSatisfy { $0 < 62 })
    }
  }

  @Test("where the provider refuses and every day is known, the last numbers are given, marked stale with their age")
  func stale() async throws {
    let upstream = ScriptedUpstream("up") { request, number throws(CallError) in
      number <= 2 ? LetterPack.answer(to: request.params, number: number) : textResult("throttled", isError: true)
    }
    try await withScene(upstream, options: options) { scene in
      _ = try await scene.call("up__get", range(scene, 4, 2))
      _ = try await scene.call("up__get", range(scene, 2, 0))
      let today = range(scene, 4, 0)
      scene.time.advance(by: .hours(13))
      let reply = try await scene.call("up__get", today)
      #expect(reply.outcome == .stale)
      #expect((reply.provenance?["ageSeconds"]?.int ?? 0) >= 13 * 3600)
    }
  }

  @Test("an answer that cannot be cut is given as it is, without a second request")
  func notCut() async throws {
    let upstream = ScriptedUpstream("up") { _, _ throws(CallError) in textResult("no days here") }
    try await withScene(upstream, options: options) { scene in
      let reply = try await scene.call("up__get", range(scene, 4, 0))
      #expect(reply.text == "no days here")
      #expect(upstream.requests.count == 1)
    }
  }

  @Test("the age of a joined answer is that of its oldest day, also when it is given again")
  func age() async throws {
    let upstream = upstream()
    try await withScene(upstream, options: options) { scene in
      let (old, whole) = (range(scene, 60, 50), range(scene, 60, 40))
      _ = try await scene.call("up__get", old)
      scene.time.advance(by: .hours(3))
      let joined = try await scene.call("up__get", whole)
      #expect(joined.outcome == .buckets)
      #expect(joined.provenance?["ageSeconds"]?.int == 3 * 3600)
      scene.time.advance(by: .hours(1))
      let again = try await scene.call("up__get", whole)
      #expect(again.outcome == .hitMemory)
      #expect(again.provenance?["ageSeconds"]?.int == 4 * 3600)
    }
  }

  @Test("another replica finds the days in the shared store")
  func replica() async throws {
    let shelf = SharedShelf()
    var options = options
    options.shared = shelf
    let first = upstream()
    try await withScene(first, options: options) { scene in
      _ = try await scene.call("up__get", range(scene, 20, 10))
      while await shelf.writes < 11, !Task.isCancelled { await Task.yield() }
    }
    let second = upstream()
    try await withScene(second, options: options) { scene in
      let reply = try await scene.call("up__get", range(scene, 18, 12))
      #expect(reply.outcome == .buckets)
      #expect(second.requests.isEmpty)
    }
  }
}
