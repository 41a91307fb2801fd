import Testing
import WeirJSON
import WeirMCP

@Suite("Tool results")
struct ToolResultTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// What the upstream sends as `result`.
    let sent: String
    /// What is kept.
    let kept: String
    /// What a legacy client gets; `P` stands for the provenance.
    let legacy: String
    /// What a modern client gets, without and with a server info `S`.
    let modern: String
    let modernNamed: String
    var isError = false
  }

  static let cases = [
    Case(
      testDescription: "empty object", sent: "{}", kept: "{}", legacy: #"{"_meta":{"weir/cache":P}}"#,
      modern: #"{"_meta":{"weir/cache":P},"resultType":"complete"}"#,
      modernNamed: #"{"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"resultType":"complete"}"#),
    Case(
      testDescription: "no _meta", sent: #"{"content":[1.0],"isError":false}"#, kept: #"{"content":[1.0],"isError":false}"#,
      legacy: #"{"content":[1.0],"isError":false,"_meta":{"weir/cache":P}}"#,
      modern: #"{"content":[1.0],"isError":false,"_meta":{"weir/cache":P},"resultType":"complete"}"#,
      modernNamed: #"{"content":[1.0],"isError":false,"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"resultType":"complete"}"#),
    Case(
      testDescription: "empty _meta", sent: #"{"_meta":{},"content":[]}"#, kept: #"{"_meta":{},"content":[]}"#,
      legacy: #"{"_meta":{"weir/cache":P},"content":[]}"#, modern: #"{"_meta":{"weir/cache":P},"content":[],"resultType":"complete"}"#,
      modernNamed: #"{"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"content":[],"resultType":"complete"}"#),
    Case(
      testDescription: "_meta with members, in the middle", sent: #"{"a":1,"_meta":{"x/y":{"z":[]}},"b":2}"#,
      kept: #"{"a":1,"_meta":{"x/y":{"z":[]}},"b":2}"#,
      legacy: #"{"a":1,"_meta":{"x/y":{"z":[]},"weir/cache":P},"b":2}"#,
      modern: #"{"a":1,"_meta":{"x/y":{"z":[]},"weir/cache":P},"b":2,"resultType":"complete"}"#,
      modernNamed: #"{"a":1,"_meta":{"x/y":{"z":[]},"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"b":2,"resultType":"complete"}"#),
    Case(
      testDescription: "a modern result",
      sent: #"{"resultType":"complete","content":[],"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"u"}}}"#,
      kept: #"{"content":[]}"#, legacy: #"{"content":[],"_meta":{"weir/cache":P}}"#,
      modern: #"{"content":[],"_meta":{"weir/cache":P},"resultType":"complete"}"#,
      modernNamed: #"{"content":[],"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"resultType":"complete"}"#),
    Case(
      testDescription: "a modern result with more in _meta",
      sent:
        #"{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"u"},"k":1,"weir/cache":{"outcome":"miss"}},"content":[],"resultType":"complete"}"#,
      kept: #"{"_meta":{"k":1},"content":[]}"#, legacy: #"{"_meta":{"k":1,"weir/cache":P},"content":[]}"#,
      modern: #"{"_meta":{"k":1,"weir/cache":P},"content":[],"resultType":"complete"}"#,
      modernNamed: #"{"_meta":{"k":1,"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"content":[],"resultType":"complete"}"#),
    Case(
      testDescription: "nothing but what belongs to the connection", sent: #"{"resultType":"complete","_meta":{"weir/cache":1}}"#, kept: "{}",
      legacy: #"{"_meta":{"weir/cache":P}}"#, modern: #"{"_meta":{"weir/cache":P},"resultType":"complete"}"#,
      modernNamed: #"{"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"resultType":"complete"}"#),
    Case(
      testDescription: "whitespace", sent: " { \"_meta\" : { \"k\" : 1 } ,\n \"a\" : [ ] \r\n\t} \n",
      kept: "{ \"_meta\" : { \"k\" : 1 } ,  \"a\" : [ ]   \t}",
      legacy: "{ \"_meta\" : { \"k\" : 1,\"weir/cache\":P } ,  \"a\" : [ ]   \t}",
      modern: "{ \"_meta\" : { \"k\" : 1,\"weir/cache\":P } ,  \"a\" : [ ],\"resultType\":\"complete\"   \t}",
      modernNamed:
        "{ \"_meta\" : { \"k\" : 1,\"weir/cache\":P,\"io.modelcontextprotocol/serverInfo\":S } ,  \"a\" : [ ],\"resultType\":\"complete\"   \t}"),
    Case(
      testDescription: "whitespace in an empty object", sent: "{\n \n}", kept: "{   }", legacy: #"{"_meta":{"weir/cache":P}   }"#,
      modern: #"{"_meta":{"weir/cache":P},"resultType":"complete"   }"#,
      modernNamed: #"{"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"resultType":"complete"   }"#),
    Case(
      testDescription: "_meta as text and deeper inside",
      sent: #"{"c":[{"t":"\"_meta\":{}"}],"x":{"_meta":{},"resultType":1}}"#,
      kept: #"{"c":[{"t":"\"_meta\":{}"}],"x":{"_meta":{},"resultType":1}}"#,
      legacy: #"{"c":[{"t":"\"_meta\":{}"}],"x":{"_meta":{},"resultType":1},"_meta":{"weir/cache":P}}"#,
      modern:
        #"{"c":[{"t":"\"_meta\":{}"}],"x":{"_meta":{},"resultType":1},"_meta":{"weir/cache":P},"resultType":"complete"}"#,
      modernNamed:
        #"{"c":[{"t":"\"_meta\":{}"}],"x":{"_meta":{},"resultType":1},"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S}"#
        + #","resultType":"complete"}"#
    ),
    Case(
      testDescription: "escaped names", sent: #"{"\u005fmeta":{"a":1},"result\u0054ype":"\u0063omplete","isErr\u006fr":true}"#,
      kept: #"{"\u005fmeta":{"a":1},"isErr\u006fr":true}"#, legacy: #"{"\u005fmeta":{"a":1,"weir/cache":P},"isErr\u006fr":true}"#,
      modern: #"{"\u005fmeta":{"a":1,"weir/cache":P},"isErr\u006fr":true,"resultType":"complete"}"#,
      modernNamed: #"{"\u005fmeta":{"a":1,"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"isErr\u006fr":true,"resultType":"complete"}"#,
      isError: true),
    Case(
      testDescription: "_meta null", sent: #"{"_meta":null,"isError":null}"#, kept: #"{"isError":null}"#,
      legacy: #"{"isError":null,"_meta":{"weir/cache":P}}"#, modern: #"{"isError":null,"_meta":{"weir/cache":P},"resultType":"complete"}"#,
      modernNamed: #"{"isError":null,"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"resultType":"complete"}"#),
    Case(
      testDescription: "a doubtful isError", sent: #"{"isError":"false"}"#, kept: #"{"isError":"false"}"#,
      legacy: #"{"isError":"false","_meta":{"weir/cache":P}}"#, modern: #"{"isError":"false","_meta":{"weir/cache":P},"resultType":"complete"}"#,
      modernNamed: #"{"isError":"false","_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"resultType":"complete"}"#, isError: true),
  ]

  static let provenance = #"{"outcome":"hit_memory"}"#
  static let serverInfo = #"{"name":"weir","version":"1"}"#

  static func fill(_ template: String) -> String {
    template.replacing("\"weir/cache\":P", with: "\"weir/cache\":\(provenance)").replacing("serverInfo\":S", with: "serverInfo\":\(serverInfo)")
  }

  @Test("the upstream's bytes are kept, and each era gets what it needs", arguments: cases)
  func bytes(_ example: Case) throws {
    let result = try ToolResult(normalizing: parse(example.sent))
    #expect(text(result.bytes) == example.kept)
    #expect(result.isError == example.isError)
    let provenance = Array(Self.provenance.utf8)
    let serverInfo = Array(Self.serverInfo.utf8)
    #expect(text(result.encoded(for: .legacy, provenance: provenance, serverInfo: nil)) == Self.fill(example.legacy))
    #expect(text(result.encoded(for: .legacy, provenance: provenance, serverInfo: serverInfo)) == Self.fill(example.legacy))
    #expect(text(result.encoded(for: .modern, provenance: provenance, serverInfo: nil)) == Self.fill(example.modern))
    #expect(text(result.encoded(for: .modern, provenance: provenance, serverInfo: serverInfo)) == Self.fill(example.modernNamed))
  }

  @Test("what is sent is JSON, and a result again: one Weir may stand before another", arguments: cases)
  func chained(_ example: Case) throws {
    let result = try ToolResult(normalizing: parse(example.sent))
    for era in ProtocolEra.allCases {
      let sent = result.encoded(for: era, provenance: Array(Self.provenance.utf8), serverInfo: Array(Self.serverInfo.utf8))
      let next = try ToolResult(normalizing: JSONDocument(parsing: sent).root)
      let root = try JSONDocument(parsing: next.bytes).root
      let expected = try parse(example.kept)
      let isMetaEmpty = expected["_meta"].map { $0.count == 0 } ?? true
      #expect(try root.canonical(omitting: isMetaEmpty ? ["_meta"] : []) == expected.canonical(omitting: isMetaEmpty ? ["_meta"] : []))
      #expect(next.isError == result.isError)
    }
  }

  @Test("what was stored comes back the same", arguments: cases)
  func stored(_ example: Case) throws {
    let result = try ToolResult(normalizing: parse(example.sent))
    #expect(try ToolResult(storedNormalized: result.bytes) == result)
  }

  @Test("stored bytes that are no object are refused", arguments: ["", "[]", "1", "{", " {}", "{}\n", "{\"a\":1,\"a\":2}"])
  func storedRubbish(document: String) {
    let error = #expect(throws: RPCErrorObject.self) { _ = try ToolResult(storedNormalized: Array(document.utf8)) }
    #expect(error?.code == RPCErrorObject.internalError)
  }

  @Test(
    "what is no complete result is refused",
    arguments: [
      "[]", "null", "\"x\"", #"{"resultType":"input_required","inputRequests":{}}"#, #"{"resultType":"task"}"#, #"{"resultType":null}"#,
      #"{"resultType":1}"#,
      #"{"_meta":[]}"#, #"{"_meta":"x"}"#,
    ])
  func refuses(document: String) throws {
    let root = try parse(document)
    let error = #expect(throws: RPCErrorObject.self) { _ = try ToolResult(normalizing: root) }
    #expect(error?.code == RPCErrorObject.internalError)
  }

  @Test("a failure is a text that says so")
  func failure() throws {
    let result = ToolResult.failure(text: "over budget \"x\"\n")
    #expect(text(result.bytes) == #"{"content":[{"type":"text","text":"over budget \"x\"\n"}],"isError":true}"#)
    #expect(result.isError)
    #expect(try ToolResult(storedNormalized: result.bytes) == result)
    #expect(
      text(result.encoded(for: .modern, provenance: Array("1".utf8), serverInfo: nil))
        == #"{"content":[{"type":"text","text":"over budget \"x\"\n"}],"isError":true,"_meta":{"weir/cache":1},"resultType":"complete"}"#)
  }

  @Test("a result inside a response is taken without what stands around it")
  func inResponse() throws {
    let root = try parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\": {\"content\":[],\"resultType\":\"complete\"} }")
    guard case .response(_, let result) = try RPCMessage.parse(root) else {
      Issue.record("no response")
      return
    }
    #expect(text(try ToolResult(normalizing: result).bytes) == #"{"content":[]}"#)
  }
}
