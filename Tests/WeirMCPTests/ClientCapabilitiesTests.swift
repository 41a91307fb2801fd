import Testing

@testable import WeirMCP

@Suite("What a client may be asked (issue 4)")
struct PermittedQuestionTests {
  @Test(
    "only what it declared",
    arguments: [
      (nil, "roots/list", nil, false), (#"{"roots":{}}"#, "roots/list", nil, true), (#"{"roots":{}}"#, "sampling/createMessage", "{}", false),
      (#"{"sampling":{}}"#, "sampling/createMessage", "{}", true), (#"{"elicitation":{}}"#, "elicitation/create", #"{"message":"?"}"#, true),
      (#"{"elicitation":{}}"#, "elicitation/create", #"{"mode":"url","url":"https://a"}"#, false),
      (#"{"elicitation":{"url":{}}}"#, "elicitation/create", #"{"mode":"url","url":"https://a"}"#, true),
      (#"{"elicitation":{"url":{}}}"#, "elicitation/create", #"{"mode":"form"}"#, false),
      (#"{"elicitation":{"form":{},"url":{}}}"#, "elicitation/create", #"{"mode":"form"}"#, true), (#"{"roots":{}}"#, "some/other", nil, true),
    ] as [(String?, String, String?, Bool)])
  func permitted(_ capabilities: String?, _ method: String, _ params: String?, _ expected: Bool) {
    let permitted = ClientCapabilities.permit(method, params.map { Array($0.utf8) }, in: capabilities.map { Array($0.utf8) })
    #expect(permitted == expected)
  }
}
