import Testing
import WeirJSON
import WeirMCP

@Suite("JSON-RPC messages")
struct RPCMessageTests {
  /// A message in words, to compare.
  static func describe(_ message: RPCMessage) -> String {
    switch message {
    case .request(let id, let method, let params): "request \(id) \(method) \(params.map { text($0.rawBytes) } ?? "-")"
    case .notification(let method, let params): "notification \(method) \(params.map { text($0.rawBytes) } ?? "-")"
    case .response(let id, let result): "response \(id) \(text(result.rawBytes))"
    case .failure(let id, let error): "failure \(id.map(\.description) ?? "-") \(error.code) \(error.message) \(error.data.map { text($0) } ?? "-")"
    }
  }

  static let accepted: [(String, String)] = [
    (#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "request 1 ping -"),
    (#"{"method":"tools/call","params":{"a": 1},"id":"x","jsonrpc":"2.0","extra":[]}"#, #"request "x" tools/call {"a": 1}"#),
    (#"{"jsonrpc":"2\u002e0","id":0,"m\u0065thod":"a\u0062"}"#, "request 0 ab -"),
    (#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "notification notifications/initialized -"),
    (#"{"jsonrpc":"2.0","method":"n","params":{}}"#, "notification n {}"), (#"{"jsonrpc":"2.0","id":-3,"result":{}}"#, "response -3 {}"),
    (#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#, "failure 1 -32601 no -"),
    (#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad","data":[1.0]}}"#, "failure - -32700 bad [1.0]"),
    (#"{"jsonrpc":"2.0","error":{"code":-32000.0,"message":""}}"#, "failure - -32000  -"),
  ]

  @Test("the four kinds are told apart", arguments: accepted)
  func accepts(document: String, expected: String) throws {
    #expect(Self.describe(try RPCMessage.parse(parse(document))) == expected)
  }

  static let refused: [(String, String)] = [
    ("[]", "batch"), (#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "batch"), ("1", "object"), ("\"x\"", "object"), ("null", "object"),
    ("{}", "jsonrpc"), (#"{"id":1,"method":"ping"}"#, "jsonrpc"), (#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, "jsonrpc"),
    (#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, "jsonrpc"), (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "null"),
    (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, "id"), (#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, "id"),
    (#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, "id"), (#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, "id"),
    (#"{"jsonrpc":"2.0","id":1e30,"method":"ping"}"#, "id"), (#"{"jsonrpc":"2.0","id":1,"method":5}"#, "method"),
    (#"{"jsonrpc":"2.0","id":1,"method":null}"#, "method"), (#"{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}"#, "params"),
    (#"{"jsonrpc":"2.0","id":1,"method":"m","params":null}"#, "params"), (#"{"jsonrpc":"2.0","id":1,"method":"m","params":"x"}"#, "params"),
    (#"{"jsonrpc":"2.0","id":1,"method":"m","result":{}}"#, "neither"), (#"{"jsonrpc":"2.0","id":1}"#, "method"),
    (#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}"#, "not both"), (#"{"jsonrpc":"2.0","result":{}}"#, "id"),
    (#"{"jsonrpc":"2.0","id":null,"result":{}}"#, "null"), (#"{"jsonrpc":"2.0","id":1,"result":[]}"#, "result"),
    (#"{"jsonrpc":"2.0","id":1,"error":"x"}"#, "error"), (#"{"jsonrpc":"2.0","id":1,"error":{"message":"x"}}"#, "code"),
    (#"{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"x"}}"#, "code"), (#"{"jsonrpc":"2.0","id":1,"error":{"code":1}}"#, "message"),
    (#"{"jsonrpc":"2.0","id":{},"error":{"code":1,"message":"x"}}"#, "id"),
  ]

  @Test("what is no message of MCP is an invalid request, and the line says why", arguments: refused)
  func refuses(document: String, word: String) throws {
    let root = try parse(document)
    let error = #expect(throws: RPCErrorObject.self) { _ = try RPCMessage.parse(root) }
    #expect(error?.code == -32600)
    #expect(error?.message.contains(word) == true)
    #expect(error?.message.contains("\n") == false)
  }

  @Test("the id of a faulty message is found where there is one")
  func faultyID() throws {
    #expect(try RPCMessage.id(of: parse(#"{"id":"a","method":1}"#)) == RPCID(string: "a"))
    #expect(try RPCMessage.id(of: parse(#"{"id":null}"#)) == nil)
    #expect(try RPCMessage.id(of: parse("[1]")) == nil)
  }

  static let ids: [(String, String?)] = [
    ("1", "1"), ("-0", "-0"), ("1.0", "1.0"), ("1e2", "1e2"), ("18446744073709551615", "18446744073709551615"),
    ("-9223372036854775808", "-9223372036854775808"),
    ("123456789012345678901", nil), ("1e21", nil), ("1e99999999999999999999", nil),
    ("1." + String(repeating: "0", count: 63), nil), ("0.5", nil), ("\"\"", "\"\""), (#""\u0061\/""#, #""a/""#),
    (#""\n""#, #""\n""#), ("null", nil), ("true", nil), ("[]", nil), ("{}", nil),
  ]

  @Test("ids are strings and integers, kept as they were sent", arguments: ids)
  func id(document: String, expected: String?) throws {
    #expect(try RPCID(parse(document)).map { text($0.raw) } == expected)
  }

  @Test(
    "issue 2: ids are compared by value, however they are written", arguments: [("1.0", 1), ("1e2", 100), ("-0", 0), ("10E-1", 1), ("-7.00", -7)])
  func idValues(document: String, value: Int) throws {
    let id = try #require(try RPCID(parse(document)))
    #expect(id == RPCID(value))
    #expect(Set([id, RPCID(value)]).count == 1)
    #expect(id.int == value)
    #expect(id != RPCID(string: document))
    #expect(text(RPCWriter.result(id: id, "{}".utf8)) == #"{"jsonrpc":"2.0","id":\#(document),"result":{}}"#)
  }

  @Test("an id keeps its type")
  func idTypes() throws {
    #expect(RPCID(1) != RPCID(string: "1"))
    #expect(try RPCID(parse("1")) == RPCID(1))
    #expect(try RPCID(parse("\"\\u0031\"")) == RPCID(string: "1"))
    #expect(RPCID(-7).int == -7)
    #expect(RPCID(string: "7").int == nil)
  }

  static let written: [([UInt8], String)] = [
    (RPCWriter.request(id: RPCID(1), method: "ping", params: nil), #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#),
    (
      RPCWriter.request(id: RPCID(string: "a\""), method: "x\n", params: Array("{ \"a\":\n\r\n1 }".utf8)),
      #"{"jsonrpc":"2.0","id":"a\"","method":"x\n","params":{ "a":   1 }}"#
    ),
    (RPCWriter.notification(method: "n", params: nil), #"{"jsonrpc":"2.0","method":"n"}"#),
    (RPCWriter.notification(method: "n", params: Array("{}".utf8)), #"{"jsonrpc":"2.0","method":"n","params":{}}"#),
    (RPCWriter.result(id: RPCID(-2), "{\n}".utf8), #"{"jsonrpc":"2.0","id":-2,"result":{ }}"#),
    (RPCWriter.result(id: RPCID(3), Array("{\"a\\n\":\"\\r\"}".utf8)), #"{"jsonrpc":"2.0","id":3,"result":{"a\n":"\r"}}"#),
    (RPCWriter.error(id: nil, RPCErrorObject(code: -32700, message: "a\nb")), #"{"jsonrpc":"2.0","error":{"code":-32700,"message":"a\nb"}}"#),
    (
      RPCWriter.error(id: RPCID(4), RPCErrorObject(code: RPCErrorObject.unsupportedVersion, message: "m", data: Array("[\n1]".utf8))),
      #"{"jsonrpc":"2.0","id":4,"error":{"code":-32022,"message":"m","data":[ 1]}}"#
    ),
  ]

  @Test("messages are written in one line", arguments: written)
  func writes(bytes: [UInt8], expected: String) throws {
    #expect(text(bytes) == expected)
    #expect(!bytes.contains(0x0A) && !bytes.contains(0x0D))
    _ = try RPCMessage.parse(JSONDocument(parsing: bytes).root)
  }
}
