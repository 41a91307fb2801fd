/// The `error` member of a JSON-RPC response (JSON-RPC 2.0 §5.1; MCP 2026-07-28 basic, error codes).
package struct RPCErrorObject: Error, Sendable, Equatable {
  package var code: Int
  /// One line that says what is wrong.
  package var message: String
  /// JSON text.
  package var data: [UInt8]?

  package init(code: Int, message: String, data: [UInt8]? = nil) {
    self.code = code
    self.message = message
    self.data = data
  }

  package static let parseError = -32700
  package static let invalidRequest = -32600
  package static let methodNotFound = -32601
  package static let invalidParams = -32602
  package static let internalError = -32603
  /// Up to 2025-11-25; 2026-07-28 answers `invalidParams` instead.
  package static let resourceNotFound = -32002
  /// 2025-11-25: the user has to go somewhere first. In 2026-07-28 `input_required` says so.
  package static let urlElicitationRequired = -32042
  /// 2026-07-28: a header and the body do not say the same.
  package static let headerMismatch = -32020
  /// 2026-07-28: the request needs a capability that the client did not declare.
  package static let missingCapability = -32021
  /// 2026-07-28: the revision in `_meta` is not spoken here.
  package static let unsupportedVersion = -32022
}
