internal import WeirCore
internal import WeirJSON
internal import WeirMCP

/// An MCP server with an invented bill, so that Weir can be tried without a cloud account: one tool `cost-explorer` of the shape of the real
/// one, slow on purpose, and behind Weir charged like the real one. Speaks 2026-07-28 and the handshake of the revisions before it.
package struct SampleServer: Sendable {
  private let ledger: Ledger
  private let latency: Duration
  private let today: @Sendable () -> Int

  /// - Parameter latency: how long every tool call takes, as a billing API would.
  package init(
    ledger: Ledger = Ledger(), latency: Duration = .seconds(1), today: @escaping @Sendable () -> Int = { CivilDate(SystemTime().wall()).days }
  ) {
    self.ledger = ledger
    self.latency = latency
    self.today = today
  }

  /// The answer to one message; nil for notifications.
  package func answer(to message: [UInt8]) async -> [UInt8]? {
    do {
      let document = try JSONDocument(parsing: message)
      switch try RPCMessage.parse(document.root) {
      case .request(let id, let method, let params):
        do {
          return RPCWriter.result(id: id, try await result(of: method, params))
        } catch {
          return RPCWriter.error(id: id, error)
        }
      case .notification, .response, .failure:
        return nil
      }
    } catch let error as RPCErrorObject {
      return RPCWriter.error(id: nil, error)
    } catch {
      return RPCWriter.error(id: nil, RPCErrorObject(code: RPCErrorObject.parseError, message: "The message is no JSON.", data: nil))
    }
  }

  private func result(of method: String, _ params: JSONValue?) async throws(RPCErrorObject) -> [UInt8] {
    let isModern = params?["_meta"]?[MetaKey.protocolVersion] != nil
    switch method {
    case MCPMethod.initialize: return initialize(params)
    case MCPMethod.discover: return discover()
    case MCPMethod.ping: return Array("{}".utf8)
    case MCPMethod.toolsList: return list(isModern: isModern)
    case MCPMethod.toolsCall: return try await call(params, isModern: isModern)
    default: throw RPCErrorObject(code: RPCErrorObject.methodNotFound, message: "The sample server has no method of that name.", data: nil)
    }
  }

  private static let serverInfo = Array(#"{"name":"weir-sample","title":"Weir sample ledger","version":"1"}"#.utf8)
  private static let instructions = "An invented AWS bill of four accounts. Ask cost-explorer with operation getCostAndUsage or getDimensionValues."

  private func initialize(_ params: JSONValue?) -> [UInt8] {
    let asked = params?["protocolVersion"]?.stringBytes.flatMap { ProtocolRevision(utf8: $0) }
    let revision = asked.flatMap { $0.era == .legacy ? $0 : nil } ?? .latestLegacy
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("protocolVersion", revision.rawValue)
    writer.memberRaw("capabilities", Array(#"{"tools":{}}"#.utf8))
    writer.memberRaw("serverInfo", Self.serverInfo)
    writer.member("instructions", Self.instructions)
    writer.endObject()
    return writer.bytes
  }

  private func discover() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("resultType", "complete")
    writer.memberRaw("supportedVersions", Array(#"["2026-07-28","2025-11-25"]"#.utf8))
    writer.memberRaw("capabilities", Array(#"{"tools":{}}"#.utf8))
    writer.member("instructions", Self.instructions)
    writer.member("ttlMs", 3_600_000)
    writer.member("cacheScope", "public")
    writer.memberRaw("_meta", Array(#"{"io.modelcontextprotocol/serverInfo":"#.utf8) + Self.serverInfo + Array("}".utf8))
    writer.endObject()
    return writer.bytes
  }

  private func list(isModern: Bool) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    if isModern {
      writer.member("resultType", "complete")
      writer.member("ttlMs", 3_600_000)
      writer.member("cacheScope", "public")
    }
    writer.memberRaw("tools", Array("[".utf8) + SampleTool.definition + Array("]".utf8))
    writer.endObject()
    return writer.bytes
  }

  private func call(_ params: JSONValue?, isModern: Bool) async throws(RPCErrorObject) -> [UInt8] {
    guard params?["name"]?.isString(SampleTool.name) == true else {
      throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "The sample server has one tool, \(SampleTool.name).", data: nil)
    }
    try? await Task.sleep(for: latency)
    let (body, isError) = SampleTool(ledger: ledger, today: today()).body(params?["arguments"])
    var writer = JSONWriter()
    writer.beginObject()
    if isModern { writer.member("resultType", "complete") }
    writer.key("content")
    writer.beginArray()
    writer.beginObject()
    writer.member("type", "text")
    writer.member("text", String(decoding: body, as: UTF8.self))
    writer.endObject()
    writer.endArray()
    writer.memberRaw("structuredContent", body)
    writer.member("isError", isError)
    writer.endObject()
    return writer.bytes
  }
}
