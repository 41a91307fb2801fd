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
