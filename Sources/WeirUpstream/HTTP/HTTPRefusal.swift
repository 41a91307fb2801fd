import WeirCore
import WeirHTTPClient
import WeirMCP

/// Why a message sent by HTTP has no JSON-RPC answer.
enum HTTPRefusal: Error, Sendable {
  /// The server answered with this status, with a JSON-RPC error in the body or without.
  case status(Int, RPCErrorObject?, retryAfter: Duration?)
  case transport(HTTPClientError)
  /// The event stream ended before the response came.
  case cutOff
  /// Nothing was sent: the event stream on which its answer would come has ended.
  case closed
  /// The answer is no MCP. One line.
  case invalid(String)

  /// One line for the state of the upstream, without URL and secrets.
  var reason: String {
    switch self {
    case .status(401, _, _), .status(403, _, _): "it refused our credential (HTTP \(status ?? 0)); check the configured headers"
    case .status(let status, let error?, _): "it answered with HTTP \(status): \(ErrorText.clean(error.message, limit: 200))"
    case .status(let status, nil, _): "it answered with HTTP \(status)"
    case .transport(let error): ErrorText.clean(error.message, limit: 200)
    case .cutOff: "its event stream ended before the answer"
    case .closed: "its event stream ended"
    case .invalid(let reason): reason
    }
  }

  /// A legacy server answers so in a session that it does not know (MCP 2025-11-25, session management).
  var doubtsSession: Bool { if case .status(404, let error, _) = self { error?.code != RPCErrorObject.methodNotFound } else { false } }
  /// The server answered, and would answer the same to the same.
  var isFinal: Bool { if let status { (200..<500).contains(status) && status != 408 && status != 429 } else { false } }
  var status: Int? { if case .status(let status, _, _) = self { status } else { nil } }
  var retryAfter: Duration? { if case .status(_, _, let retryAfter) = self { retryAfter } else { nil } }

  /// What a refused `server/discover` says about the era (MCP 2026-07-28, versioning, backward compatibility). Credentials, overload, faults of
  /// the server and silence say nothing: nil.
  var eraEvidence: OpeningAnswer? {
    guard case .status(let status, let error, _) = self, (400..<500).contains(status), ![401, 403, 407, 408, 425, 429].contains(status) else {
      if case .invalid = self { return .tryLegacy }
      return nil
    }
    guard let error else { return .tryLegacy }
    if status == 404, error.code == RPCErrorObject.methodNotFound { return .open(SessionInfo(revision: .modern)) }
    return OpeningAnswer.discoverFailed(error)
  }
}
