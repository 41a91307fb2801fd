internal import WeirCore
internal import WeirJSON
internal import WeirMCP

/// Where the user has to go before an upstream of the handshake era carries a request out: it refuses it with −32042 and a list of questions that send
/// the user to a URL (MCP 2025-11-25, elicitation). The modern era has no such error and asks the same by `input_required`.
enum RequiredVisits {
  private static let list = "elicitations"
  /// More are asked of nobody at once.
  private static let most = 16

  static func areIn(_ error: CallError) -> Bool { error.upstreamCode == RPCErrorObject.urlElicitationRequired }

  /// `inputRequests` of an answer to a modern client; nil where it cannot be asked this, or what the upstream says makes no sense.
  static func requests(_ error: CallError, of client: UpstreamCaller?) -> [UInt8]? {
    guard let visits = elicitations(error), (1...most).contains(visits.count) else { return nil }
    var writer = JSONWriter()
    writer.beginObject()
    for (index, visit) in visits.elements.enumerated() {
      // In the modern era a question is called by its key.
      let params = visit.removing(["elicitationId"])
      guard visit["mode"]?.isString("url") == true, visit["url"]?.kind == .string, visit["message"]?.kind == .string,
        ClientCapabilities.permit(MCPMethod.elicit, params, in: client?.capabilities)
      else { return nil }
      writer.key("visit-\(index + 1)")
      writer.beginObject()
      writer.member("method", MCPMethod.elicit)
      writer.memberRaw("params", params)
      writer.endObject()
    }
    writer.endObject()
    return writer.bytes
  }

  /// Whether the client says that its user will not go there.
  static func areDeclined(in responses: JSONValue?) -> Bool {
    responses?.members.contains { _, answer in answer["action"].map { !$0.isString("accept") } ?? false } ?? false
  }

  /// The error with each question of it changed by this.
  static func changing(_ error: CallError, _ change: (_ params: [UInt8]) -> [UInt8]) -> CallError {
    guard let data = error.upstreamData.flatMap({ try? JSONDocument(parsing: $0).root }), let visits = elicitations(error) else { return error }
    var writer = JSONWriter()
    writer.beginArray()
    for visit in visits.elements { writer.raw(change(visit.raw)) }
    writer.endArray()
    var changed = error
    changed.upstreamData = data.setting(list, to: writer.bytes)
    return changed
  }

  private static func elicitations(_ error: CallError) -> JSONValue? {
    guard areIn(error), let visits = error.upstreamData.flatMap({ try? JSONDocument(parsing: $0).root })?[list], visits.kind == .array else {
      return nil
    }
    return visits
  }
}
