import Testing
import WeirJSON
import WeirMCP

@Suite("Tool results")
struct CallResultTests {
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
      testDescription: "no _meta", sent: #"{"content":[{"v":1.0}],"isError":false}"#, kept: #"{"content":[{"v":1.0}],"isError":false}"#,
      legacy: #"{"content":[{"v":1.0}],"isError":false,"_meta":{"weir/cache":P}}"#,
      modern: #"{"content":[{"v":1.0}],"isError":false,"_meta":{"weir/cache":P},"resultType":"complete"}"#,
      modernNamed: #"{"content":[{"v":1.0}],"isError":false,"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"resultType":"complete"}"#
    ),
    Case(
      testDescription: "empty _meta", sent: #"{"_meta":{},"content":[]}"#, kept: #"{"_meta":{},"content":[]}"#,
      legacy: #"{"_meta":{"weir/cache":P},"content":[]}"#, modern: #"{"_meta":{"weir/cache":P},"content":[],"resultType":"complete"}"#,
      modernNamed: #"{"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"content":[],"resultType":"complete"}"#),
    Case(
      testDescription: "_meta with members, in the middle", sent: #"{"content":[],"_meta":{"x/y":{"z":[]}},"b":2}"#,
      kept: #"{"content":[],"_meta":{"x/y":{"z":[]}},"b":2}"#,
      legacy: #"{"content":[],"_meta":{"x/y":{"z":[]},"weir/cache":P},"b":2}"#,
      modern: #"{"content":[],"_meta":{"x/y":{"z":[]},"weir/cache":P},"b":2,"resultType":"complete"}"#,
      modernNamed: #"{"content":[],"_meta":{"x/y":{"z":[]},"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"b":2,"resultType":"complete"}"#),
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
      testDescription: "nothing but what belongs to the connection", sent: #"{"resultType":"complete","_meta":{"weir/cache":1},"content":[]}"#,
      kept: #"{"content":[]}"#,
      legacy: #"{"content":[],"_meta":{"weir/cache":P}}"#, modern: #"{"content":[],"_meta":{"weir/cache":P},"resultType":"complete"}"#,
      modernNamed: #"{"content":[],"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"resultType":"complete"}"#),
    Case(
      testDescription: "whitespace", sent: " { \"_meta\" : { \"k\" : 1 } ,\n \"content\" : [ ] \r\n\t} \n",
      kept: "{ \"_meta\" : { \"k\" : 1 } ,  \"content\" : [ ]   \t}",
      legacy: "{ \"_meta\" : { \"k\" : 1,\"weir/cache\":P } ,  \"content\" : [ ]   \t}",
      modern: "{ \"_meta\" : { \"k\" : 1,\"weir/cache\":P } ,  \"content\" : [ ],\"resultType\":\"complete\"   \t}",
      modernNamed:
        "{ \"_meta\" : { \"k\" : 1,\"weir/cache\":P,\"io.modelcontextprotocol/serverInfo\":S } ,  \"content\" : [ ],\"resultType\":\"complete\"   \t}"
    ),
    Case(
      testDescription: "_meta as text and deeper inside",
      sent: #"{"content":[{"t":"\"_meta\":{}"}],"x":{"_meta":{},"resultType":1}}"#,
      kept: #"{"content":[{"t":"\"_meta\":{}"}],"x":{"_meta":{},"resultType":1}}"#,
      legacy: #"{"content":[{"t":"\"_meta\":{}"}],"x":{"_meta":{},"resultType":1},"_meta":{"weir/cache":P}}"#,
      modern:
        #"{"content":[{"t":"\"_meta\":{}"}],"x":{"_meta":{},"resultType":1},"_meta":{"weir/cache":P},"resultType":"complete"}"#,
      modernNamed:
        #"{"content":[{"t":"\"_meta\":{}"}],"x":{"_meta":{},"resultType":1},"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S}"#
        + #","resultType":"complete"}"#
    ),
    Case(
      testDescription: "escaped names", sent: #"{"\u005fmeta":{"a":1},"result\u0054ype":"\u0063omplete","isErr\u006fr":true,"c\u006fntent":[]}"#,
      kept: #"{"\u005fmeta":{"a":1},"isErr\u006fr":true,"c\u006fntent":[]}"#,
      legacy: #"{"\u005fmeta":{"a":1,"weir/cache":P},"isErr\u006fr":true,"c\u006fntent":[]}"#,
      modern: #"{"\u005fmeta":{"a":1,"weir/cache":P},"isErr\u006fr":true,"c\u006fntent":[],"resultType":"complete"}"#,
      modernNamed:
        #"{"\u005fmeta":{"a":1,"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"isErr\u006fr":true,"c\u006fntent":[]"#
        + #","resultType":"complete"}"#,
      isError: true),
    Case(
      testDescription: "_meta null", sent: #"{"_meta":null,"content":[],"isError":null}"#, kept: #"{"content":[],"isError":null}"#,
      legacy: #"{"content":[],"isError":null,"_meta":{"weir/cache":P}}"#,
      modern: #"{"content":[],"isError":null,"_meta":{"weir/cache":P},"resultType":"complete"}"#,
      modernNamed: #"{"content":[],"isError":null,"_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"resultType":"complete"}"#),
    Case(
      testDescription: "a doubtful isError", sent: #"{"content":[],"isError":"false"}"#, kept: #"{"content":[],"isError":"false"}"#,
      legacy: #"{"content":[],"isError":"false","_meta":{"weir/cache":P}}"#,
      modern: #"{"content":[],"isError":"false","_meta":{"weir/cache":P},"resultType":"complete"}"#,
      modernNamed: #"{"content":[],"isError":"false","_meta":{"weir/cache":P,"io.modelcontextprotocol/serverInfo":S},"resultType":"complete"}"#,
      isError: true),
  ]

  static let provenance = #"{"outcome":"hit_memory"}"#
  static let serverInfo = #"{"name":"weir","version":"1"}"#

  static func fill(_ template: String) -> String {
    template.replacing("\"weir/cache\":P", with: "\"weir/cache\":\(provenance)").replacing("serverInfo\":S", with: "serverInfo\":\(serverInfo)")
  }

  @Test("the upstream's bytes are kept, and each era gets what it needs", arguments: cases)
  func bytes(_ example: Case) throws {
    let result = try CallResult(normalizing: parse(example.sent))
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
    let result = try CallResult(normalizing: parse(example.sent))
    for era in ProtocolEra.allCases {
      let sent = result.encoded(for: era, provenance: Array(Self.provenance.utf8), serverInfo: Array(Self.serverInfo.utf8))
      let next = try CallResult(normalizing: JSONDocument(parsing: sent).root)
      let root = try JSONDocument(parsing: next.bytes).root
      let expected = try parse(example.kept)
      let isMetaEmpty = expected["_meta"].map { $0.count == 0 } ?? true
      #expect(try root.canonical(omitting: isMetaEmpty ? ["_meta"] : []) == expected.canonical(omitting: isMetaEmpty ? ["_meta"] : []))
      #expect(next.isError == result.isError)
    }
  }

  @Test("what was stored comes back the same", arguments: cases)
  func stored(_ example: Case) throws {
    let result = try CallResult(normalizing: parse(example.sent))
    #expect(try CallResult(storedNormalized: result.bytes) == result)
  }

  @Test("stored bytes that are no result are refused", arguments: ["", "[]", "1", "{", " {}", "{}\n", "{\"a\":1,\"a\":2}", "{}"])
  func storedRubbish(document: String) {
    let error = #expect(throws: RPCErrorObject.self) { _ = try CallResult(storedNormalized: Array(document.utf8)) }
    #expect(error?.code == RPCErrorObject.internalError)
  }

  @Test(
    "what is no complete result is refused",
    arguments: [
      "[]", "null", "\"x\"", #"{"resultType":"input_required","inputRequests":{}}"#, #"{"resultType":"task","content":[]}"#,
      #"{"resultType":null,"content":[]}"#, #"{"resultType":1,"content":[]}"#, #"{"_meta":[],"content":[]}"#, #"{"_meta":"x","content":[]}"#,
    ])
  func refuses(document: String) throws {
    let root = try parse(document)
    let error = #expect(throws: RPCErrorObject.self) { _ = try CallResult(normalizing: root) }
    #expect(error?.code == RPCErrorObject.internalError)
  }

  @Test(
    "what no revision allows as content is refused, and structured content may be anything (issue 2)",
    arguments: [
      ("{}", false), (#"{"structuredContent":{}}"#, false), (#"{"content":{}}"#, false), (#"{"content":"x"}"#, false), (#"{"content":null}"#, false),
      (#"{"content":[1]}"#, false), (#"{"content":[{},null]}"#, false), (#"{"content":{},"isError":true}"#, false),
      (#"{"content":[],"structuredContent":[1]}"#, true), (#"{"content":[],"structuredContent":"x"}"#, true),
      (#"{"content":[{"type":"new"}]}"#, true),
    ])
  func content(document: String, isResult: Bool) throws {
    let root = try parse(document)
    let result = try? CallResult(normalizing: root)
    #expect((result != nil) == isResult)
  }

  @Test("a failure is a text that says so")
  func failure() throws {
    let result = CallResult.failure(text: "over budget \"x\"\n")
    #expect(text(result.bytes) == #"{"content":[{"type":"text","text":"over budget \"x\"\n"}],"isError":true}"#)
    #expect(result.isError)
    #expect(try CallResult(storedNormalized: result.bytes) == result)
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
    #expect(text(try CallResult(normalizing: result).bytes) == #"{"content":[]}"#)
  }

  @Test(
    "issue 4: structured content that is no object is left out for clients of the handshake era",
    arguments: [
      (#"{"content":[],"structuredContent":[1,2]}"#, #"{"content":[]}"#), (#"{"structuredContent":7,"content":[],"x":1}"#, #"{"content":[],"x":1}"#),
      (#"{"content":[],"structuredContent":{"a":1}}"#, #"{"content":[],"structuredContent":{"a":1}}"#),
    ])
  func looseStructure(_ sent: String, _ legacy: String) throws {
    let result = try CallResult(storedNormalized: Array(sent.utf8))
    #expect(String(decoding: result.encoded(for: .legacy, provenance: nil, serverInfo: nil), as: UTF8.self) == legacy)
    let modern = String(decoding: result.encoded(for: .modern, provenance: nil, serverInfo: nil), as: UTF8.self)
    #expect(modern == sent.dropLast() + #","resultType":"complete"}"#)
  }

  @Test("what is kept holds no more memory than its bytes, however large what it was cut from was (issue 3)")
  func memory() throws {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(1 << 20)
    bytes += #"{"content":[{"type":"text","text":"one day of many"}]}"#.utf8
    #expect(bytes.capacity >= 1 << 20)
    let kept = [
      try CallResult(normalizing: JSONDocument(parsing: bytes).root), try CallResult(storedNormalized: bytes),
      try CallResult(normalizing: JSONDocument(parsing: bytes).root).with(bytes),
    ]
    for result in kept { #expect(result.bytes == bytes && result.bytes.capacity < 1024) }
  }
}
