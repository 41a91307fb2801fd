import WeirHTTPClient
import WeirUpstream

/// What can go wrong between here and the server, in words for whoever reads the client's error: what happened, and what to do.
struct Problem: Sendable {
  /// Scheme, host and port of the server.
  let origin: String
  let hasToken: Bool

  /// The server answered with a status that is no success. `said` is what it said beside it.
  func status(_ status: Int, said: String? = nil, retryAfter: String? = nil) -> String {
    let said = said.map { " and said: \(ErrorText.clean($0, limit: 200))" } ?? ""
    return switch status {
    case 401 where hasToken: "\(origin) refused the key in WEIR_TOKEN (HTTP 401); set the right one where this client starts weir, and restart it"
    case 401: "\(origin) needs a key (HTTP 401); set WEIR_TOKEN in the environment that this client starts weir with, and restart it"
    case 403: "\(origin) does not allow this (HTTP 403)\(said); ask who runs it"
    case 300..<400: "\(origin) redirects (HTTP \(status)), which is not followed; write the address that it leads to"
    case 404, 405: "\(origin) has no MCP endpoint at this path (HTTP \(status))\(said); the URL of a Weir ends in /mcp"
    case 413: "\(origin) takes no message of this size (HTTP 413)"
    case 429: "\(origin) is asked too often (HTTP 429)\(said); try again \(Self.wait(retryAfter))"
    case 500...: "\(origin) failed (HTTP \(status))\(said); try again \(Self.wait(retryAfter))"
    default: "\(origin) refused the message (HTTP \(status))\(said)"
    }
  }

  /// There is no answer at all.
  func transport(_ error: HTTPClientError) -> String {
    let advice =
      switch error.code {
      case .connectFailed: "is it running, and is the address right?"
      case .tls: "--ca-file names the certificates of an authority of your own"
      case .timedOut(.connect): "is the address right, and is there a way to it?"
      case .closedEarly, .timedOut: "the request may have been carried out"
      case .invalidRequest: "the message was not sent"
      case .bodyTooLarge: "ask for less"
      default: "try again"
      }
    return "no answer from \(origin): \(ErrorText.clean(error.message, limit: 200)); \(advice)"
  }

  /// The stream ended before the answer.
  var cutOff: String { "\(origin) ended its answer before it was complete; the request may have been carried out" }

  func invalid(_ reason: String) -> String { "what \(origin) answered is no MCP message: \(ErrorText.clean(reason, limit: 200))" }

  private static func wait(_ retryAfter: String?) -> String {
    retryAfter.flatMap { Int($0) }.map { "in \($0) s" } ?? "later"
  }
}
