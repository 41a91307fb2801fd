import Testing

@testable import WeirMCP

@Suite("What a client may be asked (issue 4)")
struct PermittedQuestionTests {
  @Test(
    "only what it declared",
    arguments: [
      (nil, "roots/list", nil, false), (#"{"roots":{}}"#, "roots/list", nil, true), (#"{"roots":{}}"#, "sampling/createMessage", "{}", false),
      (#"{"sampling":{}}"#, "sampling/createMessage", "{}", true), (#"{"sampling":{}}"#, "sampling/createMessage", #"{"tools":[]}"#, false),
      (#"{"sampling":{}}"#, "sampling/createMessage", #"{"toolChoice":{}}"#, false),
      (#"{"sampling":{"tools":{}}}"#, "sampling/createMessage", #"{"tools":[]}"#, true),
      (#"{"elicitation":{}}"#, "elicitation/create", #"{"message":"?"}"#, true),
      (#"{"elicitation":{}}"#, "elicitation/create", #"{"mode":"url","url":"https://a"}"#, false),
      (#"{"elicitation":{"url":{}}}"#, "elicitation/create", #"{"mode":"url","url":"https://a"}"#, true),
      (#"{"elicitation":{"url":{}}}"#, "elicitation/create", #"{"mode":"form"}"#, false),
      (#"{"elicitation":{"form":{},"url":{}}}"#, "elicitation/create", #"{"mode":"form"}"#, true), (#"{"roots":{}}"#, "some/other", nil, true),
    ] as [(String?, String, String?, Bool)])
  func permitted(_ capabilities: String?, _ method: String, _ params: String?, _ expected: Bool) {
    let permitted = ClientCapabilities.permit(method, params.map { Array($0.utf8) }, in: capabilities.map { Array($0.utf8) })
    #expect(permitted == expected)
  }

  @Test(
    "a message of the log is for who wants everything from its level on",
    arguments: [
      ("warning", #"{"level":"debug"}"#, false), ("warning", #"{"level":"warning"}"#, true), ("warning", #"{"level":"alert"}"#, true),
      ("error", #"{"level":"odd"}"#, true), ("error", "{}", true),
    ] as [(String, String, Bool)])
  func levels(_ own: String, _ params: String, _ expected: Bool) throws {
    let level = try #require(LogLevel(json: Array("\"\(own)\"".utf8)))
    #expect(level.admits(Array(params.utf8)) == expected)
  }
}
