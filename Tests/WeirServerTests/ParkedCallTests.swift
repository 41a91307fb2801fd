import Testing
import WeirCore
import WeirFlow
import WeirJSON
import WeirMCP
import WeirPipeline

@testable import WeirServer

@Suite("Calls that wait for their client to come back (issue 4)")
struct ParkedCallTests {
  private static let owner = ParkedCall.Owner(principal: "ada", place: "", method: "tools/call", name: "tool")
  private static let time = SystemTime()

  private static func visit(_ call: ParkedCall, _ answers: String? = nil, token: [UInt8]? = nil) throws -> OneShot<ParkedCall.News> {
    call.visit(token: token, answers: try answers.map(json)) { _ in true }
  }

  private static func call(_ owner: ParkedCall.Owner = owner) -> ParkedCall { ParkedCall(owner: owner, departure: Departure()) }

  private static func questions(_ news: ParkedCall.News?) -> [String] {
    guard case .questions(let bytes) = news, let root = try? JSONDocument(parsing: bytes).root else { return [] }
    return root.members.compactMap { $0.value["method"]?.string }
  }

  private static func json(_ text: String) throws -> JSONValue { try JSONDocument(parsing: Array(text.utf8)).root }

  @Test("the client is told the question, and the call its answer")
  func asked() async throws {
    let call = Self.call()
    let visit = try Self.visit(call)
    async let answer = call.ask("elicitation/create", Array(#"{"message":"?","elicitationId":"x"}"#.utf8), patience: .seconds(60), time: Self.time)
    let news = await visit.value()
    #expect(Self.questions(news) == ["elicitation/create"])
    if case .questions(let bytes) = news { #expect(!String(decoding: bytes, as: UTF8.self).contains("elicitationId")) }
    _ = try Self.visit(call, #"{"question-1":{"action":"accept"}}"#)
    #expect(try await answer.get() == Array(#"{"action":"accept"}"#.utf8))
  }

  @Test("what the client did not answer it is asked again at its next visit, with what came up meanwhile")
  func again() async throws {
    let call = Self.call()
    let first = try Self.visit(call)
    async let one = call.ask("roots/list", nil, patience: .seconds(60), time: Self.time)
    #expect(Self.questions(await first.value()) == ["roots/list"])
    async let two = call.ask("sampling/createMessage", nil, patience: .seconds(60), time: Self.time)
    while Self.questions(try await Self.visit(call).value()).count < 2, !Task.isCancelled { await Task.yield() }
    let second = try Self.visit(call, #"{"other":{},"question-2":{"role":"assistant"}}"#)
    #expect(Self.questions(await second.value()) == ["roots/list"])
    _ = try Self.visit(call, #"{"question-1":{"roots":[]}}"#)
    #expect(try await one.get() == Array(#"{"roots":[]}"#.utf8))
    #expect(try await two.get() == Array(#"{"role":"assistant"}"#.utf8))
  }

  @Test("who comes back after the call has ended gets its answer")
  func late() async throws {
    let call = Self.call()
    call.finish(CallReply(body: .failure(CallError(.timedOut, "late")), outcome: .error))
    guard case .reply(let reply?) = try await Self.visit(call).value() else {
      Issue.record("there is no answer")
      return
    }
    #expect(reply.outcome == .error)
  }

  @Test("issue 4: what was asked matters to nobody once the call is over")
  func over() async throws {
    let call = Self.call()
    let visit = try Self.visit(call)
    async let answer = call.ask("roots/list", nil, patience: .seconds(60), time: Self.time)
    _ = await visit.value()
    call.finish(nil)
    let refused = await answer
    #expect(throws: ClientRefusal.self) { try refused.get() }
    let late = await call.ask("roots/list", nil, patience: .seconds(60), time: Self.time)
    #expect(throws: ClientRefusal.self) { try late.get() }
  }

  @Test("issue 4: a large answer that nobody waits for is not kept")
  func large() async throws {
    let call = Self.call()
    let text = String(repeating: "x", count: 300 * 1024)
    call.finish(CallReply(body: .result(CallResult.failure(text: text), provenance: nil), outcome: .miss))
    guard case .reply(let reply?) = try await Self.visit(call).value(), case .failure(let error) = reply.body else {
      Issue.record("it was kept")
      return
    }
    #expect(error.message.contains("too large"))
  }

  @Test("a client that does not come back is waited for as long as its patience")
  func patience() async {
    let answer = await Self.call().ask("roots/list", nil, patience: .milliseconds(1), time: Self.time)
    #expect(throws: ClientRefusal.self) { try answer.get() }
  }

  @Test("events reach only who waits now")
  func events() async throws {
    let call = Self.call()
    #expect(!call.push([1]))
    let visit = try Self.visit(call, token: [7])
    #expect(call.push([1]))
    #expect(call.token == [7])
    call.finish(nil)
    _ = await visit.value()
    #expect(!call.push([1]))
  }

  @Test("issue 4: what the upstream says to an answer finds the client's stream already there")
  func answerLast() async throws {
    let call = Self.call()
    async let isHeard = { [call] () async throws -> Bool in
      _ = try await call.ask("roots/list", nil, patience: .seconds(60), time: Self.time).get()
      return call.push([1])
    }()
    #expect(Self.questions(await (try Self.visit(call)).value()) == ["roots/list"])
    _ = try Self.visit(call, #"{"question-1":{"roots":[]}}"#)
    #expect(try await isHeard)
  }

  @Test("a name is good for its owner, once, and not for ever")
  func names() throws {
    var limits = FrontLimits()
    limits.maxParkedCallsPerPrincipal = 2
    limits.questionPatience = .seconds(10)
    let parked = ParkedCalls(limits: limits)
    let call = Self.call()
    let start = Moment.zero
    let name = try #require(parked.park(call, now: start))
    #expect(ParkedCalls.isName(Array(name.utf8)))
    for other in [
      ParkedCall.Owner(principal: "eve", place: "", method: "tools/call", name: "tool"),
      ParkedCall.Owner(principal: "ada", place: "up", method: "tools/call", name: "tool"),
      ParkedCall.Owner(principal: "ada", place: "", method: "prompts/get", name: "tool"),
      ParkedCall.Owner(principal: "ada", place: "", method: "tools/call", name: "other"),
    ] {
      #expect(parked.resume(name, by: other, now: start) == nil)
    }
    #expect(parked.resume(name, by: Self.owner, now: start) === call)
    #expect(parked.resume(name, by: Self.owner, now: start) == nil)
    let late = try #require(parked.park(call, now: start))
    #expect(parked.resume(late, by: Self.owner, now: start + .seconds(10)) == nil)
    for _ in 0..<2 { #expect(parked.park(call, now: start) != nil) }
    #expect(parked.park(call, now: start) == nil, "a principal has only so many")
    parked.expire(now: start + .seconds(10))
    #expect(parked.count == 0)
    #expect(parked.park(call, now: start) != nil)
  }
}
