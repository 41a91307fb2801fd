import Testing
import WeirCore
import WeirJSON
import WeirMCP

@testable import WeirPipeline

@Suite("Calls of modern clients whose upstream wants input (issue 4)")
struct InputRoundsTests {
  private static let sealer = Sealer()

  private static func rounds(_ capabilities: String = #"{"elicitation":{}}"#, method: String = "tools/call") -> InputRounds {
    InputRounds(
      principal: "ada", client: UpstreamCaller(capabilities: Array(capabilities.utf8), principal: "ada"),
      introduction: Introduction(upstream: "up", endpoint: .upstream("up")), method: method, sealer: sealer,
      now: WallTime(milliseconds: 1_000_000_000))
  }

  private static func json(_ text: String) throws -> JSONValue { try JSONDocument(parsing: Array(text.utf8)).root }

  private static func result(_ text: String) throws -> CallResult { try CallResult(relaying: try json(text), isTool: true, isCacheable: false) }

  private static let asking =
    #"{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create","params":{"message":"?"}}},"requestState":"mine"}"#

  private static func state(of result: CallResult) throws -> String {
    try #require(try JSONDocument(parsing: result.bytes).root["requestState"]?.string)
  }

  @Test("the state that the upstream gave comes back to it with the same request, however that is written")
  func same() async throws {
    let first = try await Self.rounds().run(try Self.json(#"{"name":"t","arguments":{"a":1,"b":2}}"#)) { _ throws(CallError) in
      do { return try Self.result(Self.asking) } catch { throw CallError(.internalFault, "\(error)") }
    }
    let state = try Self.state(of: first)
    #expect(state != "mine")
    let again = try Self.json(
      #"{"arguments":{"b":2,"a":1.0},"name":"t","requestState":"\#(state)","inputResponses":{"q":{"action":"accept"}},"_meta":{"x":1}}"#)
    _ = try await Self.rounds().run(again) { members throws(CallError) in
      #expect(members.map(\.name) == ["requestState"])
      #expect(members.first?.value == Array(#""mine""#.utf8))
      do { return try Self.result(#"{"content":[]}"#) } catch { throw CallError(.internalFault, "\(error)") }
    }
  }

  @Test(
    "with another tool, other arguments or another method it is good for nothing (M38)",
    arguments: [
      ("tools/call", #"{"name":"other","arguments":{"a":1}"#), ("tools/call", #"{"name":"t","arguments":{"a":2}"#),
      ("prompts/get", #"{"name":"t","arguments":{"a":1}"#),
    ])
  func other(_ method: String, _ params: String) async throws {
    let first = try await Self.rounds().run(try Self.json(#"{"name":"t","arguments":{"a":1}}"#)) { _ throws(CallError) in
      do { return try Self.result(Self.asking) } catch { throw CallError(.internalFault, "\(error)") }
    }
    let again = try Self.json(params + #","requestState":"\#(try Self.state(of: first))"}"#)
    let error = await #expect(throws: CallError.self) {
      try await Self.rounds(method: method).run(again) { _ throws(CallError) in throw CallError(.internalFault, "it was sent") }
    }
    #expect(error?.reason == .invalidParams)
  }

  @Test(
    "so it is where arguments have no canonical form, and are the same as long as their bytes are",
    arguments: [(#"{"a":1e1000000000000001}"#, true), (#"{"a":2e1000000000000001}"#, false), (#"{"a":1}"#, false)])
  func beyondBounds(_ arguments: String, isSame: Bool) async throws {
    let huge = #"{"name":"t","arguments":{"a":1e1000000000000001}"#
    #expect(throws: (any Error).self) { try Self.json(huge + "}").canonical() }
    let first = try await Self.rounds().run(try Self.json(huge + "}")) { _ throws(CallError) in
      do { return try Self.result(Self.asking) } catch { throw CallError(.internalFault, "\(error)") }
    }
    let again = try Self.json(#"{"name":"t","arguments":\#(arguments),"_meta":{},"requestState":"\#(try Self.state(of: first))"}"#)
    var sent = 0
    do throws(CallError) {
      _ = try await Self.rounds().run(again) { _ throws(CallError) in
        sent += 1
        do { return try Self.result(#"{"content":[]}"#) } catch { throw CallError(.internalFault, "\(error)") }
      }
    } catch {
      #expect(error.reason == .invalidParams)
    }
    #expect(sent == (isSame ? 1 : 0))
  }

  // MARK: Where the user has to go first

  private static let visit = #"{"mode":"url","message":"Sign in","url":"https://example.com/in","elicitationId":"e1","x":1}"#
  private static let visitor = #"{"elicitation":{"url":{}}}"#

  private static func refusal(_ elicitations: String = "[\(visit)]") -> CallError {
    CallError(.upstreamError, "first", upstreamCode: -32042, upstreamData: Array(#"{"elicitations":\#(elicitations)}"#.utf8))
  }

  /// One request, which the upstream refuses like this.
  private static func refused(_ params: String, _ error: CallError = refusal(), _ capabilities: String = visitor) async throws -> JSONValue {
    let result = try await rounds(capabilities).run(try json(params)) { _ throws(CallError) in throw error }
    return try JSONDocument(parsing: result.encoded(for: .modern, provenance: nil, serverInfo: nil)).root
  }

  @Test("-32042 sends the user of a modern client to the same URL, and then the call goes out as it was")
  func visits() async throws {
    let asked = try await Self.refused(#"{"name":"t"}"#)
    #expect(asked["resultType"]?.string == "input_required")
    let questions = try #require(asked["inputRequests"])
    let wanted = #"{"visit-1":{"method":"elicitation/create","params":{"mode":"url","message":"Sign in","url":"https://example.com/in","x":1}}}"#
    #expect(questions.raw == Array(wanted.utf8))
    let state = try #require(asked["requestState"]?.string)
    let again = #"{"name":"t","inputResponses":{"visit-1":{"action":"accept"}},"requestState":"\#(state)"}"#
    _ = try await Self.rounds(Self.visitor).run(try Self.json(again)) { members throws(CallError) in
      #expect(members.map(\.name) == ["requestState", "inputResponses"])
      #expect(members.allSatisfy { $0.value == nil })
      do { return try Self.result(#"{"content":[]}"#) } catch { throw CallError(.internalFault, "\(error)") }
    }
    let declined = again.replacing("accept", with: "decline")
    let error = await #expect(throws: CallError.self) {
      try await Self.rounds(Self.visitor).run(try Self.json(declined)) { _ throws(CallError) in throw CallError(.internalFault, "it was sent") }
    }
    #expect(error?.reason == .upstreamError)
  }

  @Test("nobody is sent there for ever")
  func visitsAgain() async throws {
    var params = #"{"name":"t"}"#
    for _ in 0..<8 {
      let state = try #require(try await Self.refused(params)["requestState"]?.string)
      params = #"{"name":"t","inputResponses":{"visit-1":{"action":"accept"}},"requestState":"\#(state)"}"#
    }
    let last = params
    let error = await #expect(throws: CallError.self) { try await Self.refused(last) }
    #expect(error?.upstreamCode == -32042)
  }

  @Test(
    "-32042 stays an error for who did not declare that, and where it makes no sense",
    arguments: [
      (#"{"elicitation":{}}"#, "[\(visit)]"), ("{}", "[\(visit)]"), (visitor, "[]"), (visitor, "{}"), (visitor, "[7]"),
      (visitor, #"[{"mode":"form","message":"?","url":"https://example.com/"}]"#), (visitor, #"[{"mode":"url","message":"?"}]"#),
      (visitor, "[" + Array(repeating: visit, count: 17).joined(separator: ",") + "]"),
    ])
  func noVisits(capabilities: String, elicitations: String) async {
    let error = await #expect(throws: CallError.self) {
      try await Self.refused(#"{"name":"t"}"#, Self.refusal(elicitations), capabilities)
    }
    #expect(error?.upstreamCode == -32042)
  }

  @Test("at the aggregate each of these questions begins with its upstream's name, in either era")
  func introduced() {
    let error = Introduction(upstream: "up", endpoint: .aggregate).introduced(Self.refusal("[\(Self.visit),\(Self.visit)]"))
    let shown = Self.visit.replacing("Sign in", with: "up asks: Sign in")
    #expect(error.upstreamData == Array(#"{"elicitations":[\#(shown),\#(shown)]}"#.utf8))
    #expect(Introduction(upstream: "up", endpoint: .upstream("up")).introduced(Self.refusal()) == Self.refusal())
  }

  @Test(
    "what the client cannot understand is an error of the upstream",
    arguments: [
      (#"{"roots":{}}"#, "tools/call", asking), (#"{"elicitation":{}}"#, "completion/complete", asking),
      (#"{"elicitation":{}}"#, "tools/call", #"{"resultType":"banana"}"#),
      (#"{"elicitation":{}}"#, "tools/call", #"{"resultType":"task","taskId":"1"}"#),
    ] as [(String, String, String)])
  func undeclared(_ capabilities: String, _ method: String, _ answer: String) async throws {
    let error = await #expect(throws: CallError.self) {
      try await Self.rounds(capabilities, method: method).run(try Self.json(#"{"name":"t"}"#)) { _ throws(CallError) in
        do { return try Self.result(answer) } catch { throw CallError(.internalFault, "\(error)") }
      }
    }
    #expect(error?.reason == .upstreamInvalid)
  }
}
