import Testing
import WeirCore
import WeirJSON

@testable import WeirPipeline

@Suite("Which upstream asks (issue 4)")
struct IntroductionTests {
  struct Row: Sendable {
    let endpoint: Endpoint
    let method: String
    let params: String
    let shown: String
  }

  @Test(
    "at the aggregate a question for the user begins with its upstream's name, and nothing else is changed",
    arguments: [
      Row(
        endpoint: .aggregate, method: "elicitation/create", params: #"{"mode":"form","message":"Which \"account\"?","requestedSchema":{}}"#,
        shown: #"{"mode":"form","message":"aws asks: Which \"account\"?","requestedSchema":{}}"#),
      Row(endpoint: .aggregate, method: "elicitation/create", params: #"{"message":7}"#, shown: #"{"message":7}"#),
      Row(endpoint: .aggregate, method: "sampling/createMessage", params: #"{"message":"x"}"#, shown: #"{"message":"x"}"#),
      Row(endpoint: .upstream("aws"), method: "elicitation/create", params: #"{"message":"x"}"#, shown: #"{"message":"x"}"#),
    ])
  func params(_ row: Row) {
    let shown = Introduction(upstream: "aws", endpoint: row.endpoint).named(row.method, Array(row.params.utf8))
    #expect(shown.map { String(decoding: $0, as: UTF8.self) } == row.shown)
  }

  @Test("so do the questions of a result that asks for input")
  func results() throws {
    let text =
      #"{"a":{"method":"elicitation/create","params":{"message":"A?"}},"b":{"method":"roots/list"},"c":{"method":"elicitation/create","params":{"message":"C?"}}}"#
    let requests = try JSONDocument(parsing: Array(text.utf8)).root
    let shown = String(decoding: Introduction(upstream: "aws", endpoint: .aggregate).named(inputRequests: requests), as: UTF8.self)
    #expect(shown == text.replacing("A?", with: "aws asks: A?").replacing("C?", with: "aws asks: C?"))
    #expect(Introduction(upstream: "aws", endpoint: .upstream("aws")).named(inputRequests: requests) == Array(text.utf8))
  }

  @Test(
    "a result without questions, or with something else in their place, stays as it is",
    arguments: [#"{"taskId":"t","status":"working"}"#, #"{"inputRequests":[{"method":"elicitation/create","params":{"message":"A?"}}]}"#])
  func untouched(text: String) throws {
    let result = try JSONDocument(parsing: Array(text.utf8)).root
    #expect(Introduction(upstream: "aws", endpoint: .aggregate).introduced(result).raw == Array(text.utf8))
  }
}
