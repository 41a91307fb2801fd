import Testing
import WeirJSON

@testable import WeirMCP

@Suite("Arguments that calls repeat in headers")
struct HeaderParametersTests {
  private static func schema(_ text: String) throws -> JSONValue { try JSONDocument(parsing: Array(text.utf8)).root }

  @Test("strings, integers and booleans are mirrored, absent and null ones are not")
  func mirrored() throws {
    let schema = try Self.schema(
      #"""
      {"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"deep":{"type":"object","properties":
      {"count":{"type":"integer","x-mcp-header":"Count"}}},"all":{"type":"boolean","x-mcp-header":"All"},"none":{"type":"string","x-mcp-header":"None"}}}
      """#)
    let parameters = try #require(HeaderParameters(schema: schema))
    let arguments = try Self.schema(#"{"region":"Köln","deep":{"count":12.0},"all":true,"none":null}"#)
    let headers = parameters.headers(of: arguments)
    #expect(headers.map(\.name) == ["mcp-param-region", "mcp-param-count", "mcp-param-all"])
    #expect(headers.map(\.value) == ["=?base64?S8O2bG4=?=", "12", "true"])
    let sent = Dictionary(uniqueKeysWithValues: headers.map { ($0.name, $0.value) })
    #expect(parameters.mismatch(in: arguments) { sent[$0] } == nil)
    #expect(parameters.mismatch(in: arguments) { $0 == "mcp-param-count" ? "12.0" : sent[$0] } == nil)
    #expect(parameters.mismatch(in: arguments) { $0 == "mcp-param-count" ? "13" : sent[$0] } == "Count")
    #expect(parameters.mismatch(in: arguments) { $0 == "mcp-param-all" ? nil : sent[$0] } == "All")
    #expect(parameters.mismatch(in: arguments) { $0 == "mcp-param-none" ? "x" : sent[$0] } == "None")
  }

  @Test(
    "a tool with an annotation that cannot be honoured is not offered",
    arguments: [
      #"{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}"#,
      #"{"properties":{"a":{"type":"string","x-mcp-header":""}}}"#,
      #"{"properties":{"a":{"type":"string","x-mcp-header":"a b"}}}"#,
      #"{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}"#,
      #"{"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}"#,
      #"{"anyOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]}"#,
      #"{"type":"string","x-mcp-header":"A"}"#,
    ])
  func invalid(_ text: String) throws {
    #expect(try HeaderParameters(schema: Self.schema(text)) == nil)
  }

  @Test("a property that is called like the annotation is none")
  func name() throws {
    let schema = try Self.schema(#"{"properties":{"x-mcp-header":{"type":"string"}}}"#)
    #expect(HeaderParameters(schema: schema)?.parameters.isEmpty == true)
  }
}
