import Testing
import WeirJSON
import WeirMCP
import WeirTestSupport

@Suite("The schemas of MCP", .enabled(if: TestData.has("mcp-schema"), Comment(rawValue: TestData.absence)))
struct SchemaTests {
  static let examples = "mcp-schema/2026-07-28-examples"

  static func files(in folders: (String) -> Bool) -> [String] {
    TestData.files(in: examples).filter(folders).flatMap { folder in TestData.files(in: "\(examples)/\(folder)").map { "\(examples)/\(folder)/\($0)" }
    }
  }

  static func root(_ path: String) throws -> JSONValue { try JSONDocument(parsing: TestData.bytes(path), limits: .trusted).root }

  @Test("the examples are there")
  func complete() {
    #expect(Self.files { _ in true }.count > 100)
    #expect(Self.files { $0 == "CallToolResult" }.count >= 4)
  }

  @Test("every example is read, and has the same canonical form when written anew", arguments: files { _ in true })
  func examples(path: String) throws {
    let root = try Self.root(path)
    let canonical = try root.canonical()
    #expect(try JSONDocument(parsing: canonical).root.canonical() == canonical)
  }

  @Test("every example of a whole message is a message, and comes out of the writer equal", arguments: files { _ in true })
  func messages(path: String) throws {
    let root = try Self.root(path)
    guard root["jsonrpc"] != nil else { return }
    let written =
      switch try RPCMessage.parse(root) {
      case .request(let id, let method, let params): RPCWriter.request(id: id, method: method, params: params?.raw)
      case .notification(let method, let params): RPCWriter.notification(method: method, params: params?.raw)
      case .response(let id, let result): RPCWriter.result(id: id, result.rawBytes)
      case .failure(let id, let error): RPCWriter.error(id: id, error)
      }
    #expect(!written.contains(0x0A))
    #expect(try JSONDocument(parsing: written).root.canonical() == root.canonical())
  }

  @Test(
    "the examples of tool results reach a modern client unchanged, and a legacy one without what its era does not know",
    arguments: files { $0 == "CallToolResult" })
  func toolResults(path: String) throws {
    let root = try Self.root(path)
    let result = try CallResult(normalizing: root)
    let modern = try JSONDocument(parsing: result.encoded(for: .modern, provenance: Array("{}".utf8), serverInfo: Array("{}".utf8))).root
    #expect(try modern.canonical(omitting: ["_meta"]) == root.canonical(omitting: ["_meta"]))
    #expect(modern["_meta"]?[MetaKey.weirCache]?.count == 0)
    #expect(modern["_meta"]?[MetaKey.serverInfo]?.count == 0)
    let legacy = try JSONDocument(parsing: result.encoded(for: .legacy, provenance: Array("{}".utf8), serverInfo: nil)).root
    let unknown = root["structuredContent"].map { $0.kind != .object } == true ? ["structuredContent"] : []
    #expect(try legacy.canonical(omitting: ["_meta"]) == root.canonical(omitting: Set(["_meta", "resultType"] + unknown)))
    #expect(result.isError == (root["isError"]?.bool == true))
  }

  @Test("an incomplete result is refused", arguments: files { $0 == "InputRequiredResult" })
  func inputRequired(path: String) throws {
    let root = try Self.root(path)
    #expect(throws: RPCErrorObject.self) { _ = try CallResult(normalizing: root) }
  }

  static let methods: Set<String> = [
    MCPMethod.initialize, MCPMethod.initialized, MCPMethod.ping, MCPMethod.discover, MCPMethod.toolsList, MCPMethod.toolsCall,
    MCPMethod.toolsListChanged,
    MCPMethod.resourcesList, MCPMethod.resourceTemplatesList, MCPMethod.resourcesRead, MCPMethod.resourcesSubscribe, MCPMethod.resourcesUnsubscribe,
    MCPMethod.resourcesListChanged, MCPMethod.resourceUpdated, MCPMethod.promptsList, MCPMethod.promptsGet, MCPMethod.promptsListChanged,
    MCPMethod.complete, MCPMethod.setLevel, MCPMethod.message, MCPMethod.progress, MCPMethod.cancelled, MCPMethod.subscriptionsListen,
    MCPMethod.subscriptionsAcknowledged, MCPMethod.createMessage, MCPMethod.elicit, MCPMethod.elicitationComplete, MCPMethod.rootsList,
    MCPMethod.rootsListChanged, MCPMethod.tasksGet, MCPMethod.tasksResult, MCPMethod.tasksList, MCPMethod.tasksCancel, MCPMethod.tasksStatus,
  ]

  @Test("the methods are those of the schemas, no more and no fewer")
  func methodNames() throws {
    var found: Set<String> = []
    for revision in ProtocolRevision.allCases {
      let root = try Self.root("mcp-schema/\(revision.rawValue).json")
      let definitions = try #require(root["$defs"] ?? root["definitions"])
      for (_, definition) in definitions.members {
        if let method = definition["properties"]?["method"]?["const"]?.string { found.insert(method) }
      }
    }
    #expect(found == Self.methods)
  }
}
