import WeirCore
import WeirJSON
import WeirMCP

/// Arguments that are repeated in headers (MCP 2026-07-28, tools, `x-mcp-header`): a client on standard input and output sends no headers, so the
/// bridge has to know which tools want them.
extension BridgeMachine {
  private static let maxTools = 10_000
  private static let maxPages = 100

  /// Looks through a list of tools on its way to the client.
  mutating func learn(_ result: JSONValue) {
    guard let list = result["tools"] else { return }
    for tool in list.elements {
      guard let name = tool["name"]?.string else { continue }
      let parameters = HeaderParameters(schema: tool["inputSchema"])
      let hasAny = parameters.map { !$0.parameters.isEmpty } ?? false
      tools[Name(name)] = hasAny && tools.count < Self.maxTools ? parameters : nil
    }
  }

  /// Whether a call was refused because the tool is not known here, or not as it is now.
  func wantsHeaders(_ flight: Flight, _ answer: ServerAnswer) -> Bool {
    let message = flight.waiting.message
    return answer.code == RPCErrorObject.headerMismatch && message.method == MCPMethod.toolsCall && message.version != nil && !flight.waiting.isRetry
  }

  /// The tools are listed, once for all calls that are refused meanwhile; then the call goes out again.
  mutating func puzzle(over call: ClientMessage) -> [Action] {
    puzzled.append(Waiting(message: call, isRetry: true))
    guard puzzled.count == 1 else { return [] }
    pages = 0
    return list(for: call, cursor: nil)
  }

  mutating func listed(_ flight: Flight, _ outcome: Outcome) -> [Action] {
    pages += 1
    if case .answered(let answer) = outcome, let result = answer.result {
      learn(result)
      if let cursor = result["nextCursor"], cursor.kind == .string, pages < Self.maxPages, !puzzled.isEmpty {
        return list(for: flight.waiting.message, cursor: cursor.raw)
      }
    }
    return goOn()
  }

  private mutating func list(for message: ClientMessage, cursor: [UInt8]?) -> [Action] {
    var params = JSONWriter()
    params.beginObject()
    if let cursor { params.memberRaw("cursor", cursor) }
    if let meta = message.params?[MetaKey.meta] { params.memberRaw(MetaKey.meta, meta.removing([MetaKey.progressToken])) }
    params.endObject()
    let line = RPCWriter.request(id: RPCID(string: "weir-tools"), method: MCPMethod.toolsList, params: params.bytes)
    guard let listing = try? ClientMessage(reading: line) else { return goOn() }
    return [post(Waiting(message: listing), .listing)]
  }

  /// Where the list did not help, the calls get the server's own answer now.
  private mutating func goOn() -> [Action] {
    let calls = puzzled
    puzzled = []
    var actions: [Action] = []
    for call in calls { actions += dispatch(call) }
    return actions
  }
}
