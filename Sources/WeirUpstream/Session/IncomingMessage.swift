package import WeirJSON
package import WeirMCP

/// What a server sent, read before any lock is taken: results may be megabytes.
package enum IncomingMessage: Sendable {
  case message(RPCMessage)
  /// JSON that is no JSON-RPC message.
  case malformed(root: JSONValue, RPCErrorObject)
  /// No JSON, or beyond the limits.
  case unreadable(looksLikeObject: Bool, JSONError)

  /// Reads one whole message of at most `maxBytes`. What an error says is cleaned here, so that nobody behind can tell a secret that the server
  /// was given.
  package init(reading bytes: [UInt8], maxBytes: Int, redactor: Redactor = .patterns) {
    let document: JSONDocument
    do {
      document = try JSONDocument(parsing: bytes, limits: Self.limits(maxBytes: maxBytes))
    } catch {
      self = .unreadable(looksLikeObject: bytes.first == UInt8(ascii: "{"), error)
      return
    }
    do {
      self = .message(try RPCMessage.parse(document.root))
      if case .message(.failure(let id, let error)) = self { self = .message(.failure(id: id, error: redactor.clean(error))) }
    } catch {
      self = .malformed(root: document.root, error)
    }
  }

  /// Generous: who answers is an upstream that the operator chose, and big answers are what a cache is for.
  package static func limits(maxBytes: Int) -> JSONLimits {
    JSONLimits(maxBytes: maxBytes, maxDepth: 128, maxMembers: 4_000_000)
  }
}
