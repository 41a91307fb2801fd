internal import WeirCore
internal import WeirJSON
internal import WeirMCP

/// Says which upstream asks. Clients show their users the server that a question comes from (MCP 2025-11-25 and 2026-07-28, elicitation), and
/// at `/mcp` that is Weir for all of them.
struct Introduction: Sendable {
  let upstream: Name
  let endpoint: Endpoint

  /// The params of a question as its client gets them.
  func named(_ method: String, _ params: [UInt8]?) -> [UInt8]? {
    guard endpoint == .aggregate, method == MCPMethod.elicit, let params, let root = try? JSONDocument(parsing: params).root,
      let message = root["message"]?.string
    else { return params }
    return root.setting("message", to: JSONWriter.quoted("\(upstream) asks: \(message)"))
  }

  /// An error that sends the user somewhere, likewise (MCP 2025-11-25, elicitation).
  func introduced(_ error: CallError) -> CallError {
    guard endpoint == .aggregate, RequiredVisits.areIn(error) else { return error }
    return RequiredVisits.changing(error) { named(MCPMethod.elicit, $0) ?? $0 }
  }

  /// A result with the questions in it as its client gets them: of one that asks for input, or of a task that does.
  func introduced(_ result: JSONValue) -> JSONValue {
    guard endpoint == .aggregate, let requests = result["inputRequests"], requests.kind == .object else { return result }
    return (try? JSONDocument(parsing: result.setting("inputRequests", to: named(inputRequests: requests)), limits: .upstreamResult).root) ?? result
  }

  /// `inputRequests` of a result (MCP 2026-07-28, multi round-trip requests).
  func named(inputRequests: JSONValue) -> [UInt8] {
    guard endpoint == .aggregate else { return inputRequests.raw }
    var requests = inputRequests.raw
    for (key, request) in inputRequests.members {
      guard let name = key.string, let method = request["method"]?.string, let params = request["params"], let own = named(method, params.raw),
        let root = try? JSONDocument(parsing: requests).root
      else { continue }
      requests = root.setting(name, to: request.setting("params", to: own))
    }
    return requests
  }
}
