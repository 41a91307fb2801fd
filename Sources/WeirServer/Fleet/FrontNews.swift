package import WeirCore
import WeirJSON
import WeirMCP

/// What one front tells the others of sessions. A hint: it may come late, twice or never.
package enum FrontNews: Sendable, Equatable {
  /// The session is over.
  case ended(session: Name)
  /// It is used elsewhere than at the replica that opened it.
  case used(session: Name)
  /// Its client wants the answer of a request no more (`notifications/cancelled`); JSON text of the request's id.
  case cancelled(call: [UInt8], session: Name)

  /// The message: a letter, the session, and after a space the call.
  package var bytes: [UInt8] {
    switch self {
    case .ended(let session): [UInt8(ascii: "e")] + Array(session.utf8)
    case .used(let session): [UInt8(ascii: "u")] + Array(session.utf8)
    case .cancelled(let call, let session): [UInt8(ascii: "c")] + Array(session.utf8) + [UInt8(ascii: " ")] + call
    }
  }

  /// Nil for what `bytes` does not write.
  package init?(_ bytes: [UInt8]) {
    guard let kind = bytes.first else { return nil }
    let parts = bytes.dropFirst().split(separator: UInt8(ascii: " "), maxSplits: 1, omittingEmptySubsequences: false)
    guard let session = parts.first.flatMap({ Name(utf8: $0) }), !session.utf8.isEmpty else { return nil }
    switch (kind, parts.count) {
    case (UInt8(ascii: "e"), 1): self = .ended(session: session)
    case (UInt8(ascii: "u"), 1): self = .used(session: session)
    case (UInt8(ascii: "c"), 2): self = .cancelled(call: Array(parts[1]), session: session)
    default: return nil
    }
  }

  /// What tells a session's name from all others, for whoever keeps a list of those that are over.
  package static func mark(of session: Name) -> Name { SessionSeal.mark(of: session) }

  /// The id of the call that is cancelled.
  var call: RPCID? {
    guard case .cancelled(let call, _) = self else { return nil }
    return (try? JSONDocument(parsing: call)).flatMap { RPCID($0.root) }
  }
}
