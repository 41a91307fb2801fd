import Logging
import NIOConcurrencyHelpers
import Testing
import WeirCore
import WeirMCP

@testable import WeirUpstream

/// What a server says may hold what it was given: nothing of that reaches a client, the log or the state.
@Suite("Secrets in what upstreams say (issue 2)")
struct CanaryTests {
  private static let canary = "canary-4711-x"

  @Test("the redactor knows values of several lines, credentials behind a scheme, and the key in a path")
  func values() {
    let variables = Redactor(environment: ["PRIVATE_KEY": Secret("first-line\r\nsecond-line\n"), "REGION": Secret("eu-central-1")])
    #expect(variables.clean("second-line, eu-central-1, first-line\r\nsecond-line\n") == "***, eu-central-1, ***")
    let headers = Redactor(headers: [("Authorization", Secret("Basic dTpwYXNz"))], url: "https://h.example/mcp/s/0123456789abcdef/x?k=1")
    #expect(headers.clean("dTpwYXNz or Basic dTpwYXNz at /mcp/s/0123456789abcdef") == "*** or *** at /mcp/s/***")
  }

  @Test("URLs are taken out of errors, and a text that would have to be cut is not told")
  func texts() {
    let redactor = Redactor(values: [Self.canary])
    #expect(redactor.clean("GET \"https://u:p@h.example:1/x?token=1\" (http://[::1]:2/y) 5 : // a://b") == "GET \"(URL)\" ((URL)) 5 : // (URL)")
    #expect(redactor.clean(String(repeating: "x", count: 8190) + Self.canary) == "(a text of 8203 bytes)")
    #expect(redactor.clean(String(repeating: "x", count: 494) + Self.canary) == String(repeating: "x", count: 494) + "***")
  }

  @Test(
    "the data of an error goes through unless it holds a secret, however that is written",
    arguments: [
      (#"{"uri":"file:///a"}"#, true), (#"{"uri":"x canary-4711-x"}"#, false), (#"{"a":["\u0063anary-4711-x"]}"#, false),
      (#"{"canary-4711-x":1}"#, false), ("no json", false),
    ])
  func data(text: String, isKept: Bool) {
    let error = RPCErrorObject(code: -1, message: "m", data: Array(text.utf8))
    #expect((Redactor(values: [Self.canary]).clean(error).data != nil) == isKept)
  }
}
