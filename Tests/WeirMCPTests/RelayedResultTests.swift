import Testing
import WeirJSON

@testable import WeirMCP

@Suite("Results that only their caller gets")
struct RelayedResultTests {
  private static func result(_ text: String, isTool: Bool = false, isCacheable: Bool = false) throws -> CallResult {
    try CallResult(relaying: JSONDocument(parsing: Array(text.utf8)).root, isTool: isTool, isCacheable: isCacheable)
  }

  private static func text(_ result: CallResult, _ era: ProtocolEra) -> String {
    String(decoding: result.encoded(for: era, provenance: nil, serverInfo: Array(#"{"name":"w"}"#.utf8)), as: UTF8.self)
  }

  @Test("unknown members and their order reach the client")
  func unknown() throws {
    let result = try Self.result(#"{"z":1.50,"messages":[],"_meta":{"a":1},"x-new":{"b":[]}}"#)
    #expect(Self.text(result, .legacy) == #"{"z":1.50,"messages":[],"_meta":{"a":1},"x-new":{"b":[]}}"#)
    #expect(
      Self.text(result, .modern)
        == #"{"z":1.50,"messages":[],"_meta":{"a":1,"io.modelcontextprotocol/serverInfo":{"name":"w"}},"x-new":{"b":[]},"resultType":"complete"}"#)
  }

  @Test("an empty result gets what its era wants, and no comma too many")
  func empty() throws {
    let result = try Self.result("{}")
    #expect(Self.text(result, .legacy) == "{}")
    #expect(Self.text(result, .modern) == #"{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"w"}},"resultType":"complete"}"#)
    #expect(String(decoding: result.encoded(for: .modern, provenance: nil, serverInfo: nil), as: UTF8.self) == #"{"resultType":"complete"}"#)
  }

  @Test("what is not over says so again, and needs no content")
  func unfinished() throws {
    let result = try Self.result(#"{"resultType":"input_required","requestState":"s"}"#, isTool: true)
    #expect(result.unfinishedType == Array(#""input_required""#.utf8))
    #expect(Self.text(result, .modern).hasSuffix(#""resultType":"input_required"}"#))
    #expect(throws: RPCErrorObject.self) { try Self.result(#"{"resultType":"complete"}"#, isTool: true) }
    #expect(throws: RPCErrorObject.self) { try Self.result(#"{"resultType":7}"#) }
  }

  @Test("how long it is fresh belongs to the connection")
  func lifetime() throws {
    let result = try Self.result(#"{"contents":[],"ttlMs":500,"cacheScope":"public"}"#, isCacheable: true)
    #expect(result.lifetime == CallResult.Lifetime(milliseconds: 500, isPublic: true))
    #expect(Self.text(result, .legacy) == #"{"contents":[]}"#)
    #expect(Self.text(result.living(.init(milliseconds: 3, isPublic: false)), .modern).hasSuffix(#""ttlMs":3,"cacheScope":"private"}"#))
  }
}
