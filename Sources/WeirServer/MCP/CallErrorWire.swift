import WeirCore
import WeirJSON
import WeirMCP

/// The one table from `CallError.Reason` to what a client sees (design decision 12): JSON-RPC error or tool result, code and HTTP status.
///
/// What the model can act on is a tool result with `isError`; what the client must act on is an error (MCP 2026-07-28, server/tools, error
/// handling). Metric labels and audit reasons are the reasons' own raw values.
enum CallErrorWire {
  enum Form: Equatable {
    /// HTTP 401 with a challenge; the same for every cause.
    case challenge
    /// A JSON-RPC error of this code.
    case error(code: Int)
    /// A tool result whose text the model reads.
    case toolResult
  }

  /// - Parameter label: what the request is called in metrics; only a tool's answer has a form in which the model reads what went wrong.
  static func form(of error: CallError, for era: ProtocolEra, _ label: StaticString = toolCall) -> Form {
    if era == .legacy, label.isSame(as: "resources/read"), isMissingResource(error) { return .error(code: RPCErrorObject.resourceNotFound) }
    let form = form(of: error, for: era)
    guard form == .toolResult, !label.isSame(as: toolCall) else { return form }
    return .error(code: RPCErrorObject.internalError)
  }

  private static func isMissingResource(_ error: CallError) -> Bool {
    error.missingResource != nil || (error.upstreamCode == RPCErrorObject.invalidParams && namesResource(error.upstreamData))
  }

  /// The label of tool calls.
  static let toolCall: StaticString = "tools/call"

  private static func form(of error: CallError, for era: ProtocolEra) -> Form {
    switch error.reason {
    case .unauthenticated: .challenge
    case .unknownTool, .invalidParams: .error(code: RPCErrorObject.invalidParams)
    case .denied, .throttled, .overBudget, .upstreamDown, .timedOut, .upstreamInvalid, .overloaded, .internalFault: .toolResult
    case .upstreamError: .error(code: translated(error.upstreamCode ?? RPCErrorObject.internalError, for: era))
    case .cancelled: .error(code: cancelledCode)
    }
  }

  /// For a request that was cancelled by its own client: outside the range that JSON-RPC reserves.
  static let cancelledCode = -32800

  /// Errors are per hop: an upstream's complaint about our envelope says nothing about the client's (mcp-spec §2.8, M16).
  static func translated(_ code: Int, for era: ProtocolEra) -> Int {
    switch (code, era) {
    // A modern client's own capabilities went up with its call, so what they lack is for it to know.
    case (RPCErrorObject.missingCapability, .modern): code
    case (RPCErrorObject.headerMismatch, _), (RPCErrorObject.missingCapability, _), (RPCErrorObject.unsupportedVersion, _):
      RPCErrorObject.internalError
    case (RPCErrorObject.resourceNotFound, .modern): RPCErrorObject.invalidParams
    case (RPCErrorObject.urlElicitationRequired, .modern): RPCErrorObject.internalError
    default: code
    }
  }

  /// The HTTP status of an answer that is not yet begun. Legacy clients get JSON-RPC errors of handlers with 200.
  static func status(of form: Form, for era: ProtocolEra) -> Int {
    switch form {
    case .challenge: 401
    case .error(code: RPCErrorObject.invalidParams) where era == .modern: 400
    case .error(code: RPCErrorObject.missingCapability) where era == .modern: 400
    case .error(code: RPCErrorObject.methodNotFound) where era == .modern: 404
    case .error, .toolResult: 200
    }
  }

  /// The message, and when trying again makes sense.
  static func text(_ error: CallError) -> String {
    guard let delay = error.retryAfter, delay > .zero else { return error.message }
    let seconds = Int(exactly: delay.inSeconds.rounded(.up)) ?? .max
    return "\(error.message); try again in \(max(1, seconds)) s"
  }

  static func object(_ error: CallError, code: Int) -> RPCErrorObject {
    if let uri = error.missingResource {
      var data = JSONWriter()
      data.beginObject()
      data.member("uri", uri.string)
      data.endObject()
      return RPCErrorObject(code: code, message: text(error), data: data.bytes)
    }
    // Data of a translated error describes the other hop, but for a resource that there is not.
    let isKept = code == error.upstreamCode || code == RPCErrorObject.resourceNotFound || error.upstreamCode == RPCErrorObject.resourceNotFound
    let data = isKept ? error.upstreamData.flatMap { shareable($0, of: code) } : nil
    return RPCErrorObject(code: code, message: error.upstreamMessage ?? text(error), data: data)
  }

  /// An upstream's `data` is its own: stack traces, paths, addresses. Only what MCP says clients are to read goes through.
  private static func shareable(_ data: [UInt8], of code: Int) -> [UInt8]? {
    // Where the user has to go is what this error is for (MCP 2025-11-25, elicitation).
    if code == RPCErrorObject.urlElicitationRequired || code == RPCErrorObject.missingCapability { return data }
    guard code == RPCErrorObject.invalidParams || code == RPCErrorObject.resourceNotFound else { return nil }
    return namesResource(data) ? data : nil
  }

  /// `{"uri":…}`: the resource that there is not (`-32602` in the modern era, `-32002` before).
  private static func namesResource(_ data: [UInt8]?) -> Bool {
    guard let root = data.flatMap({ try? JSONDocument(parsing: $0).root }), root.kind == .object else { return false }
    return root.count == 1 && root["uri"]?.kind == .string
  }
}

extension StaticString {
  fileprivate func isSame(as other: StaticString) -> Bool { description.utf8.elementsEqual(other.description.utf8) }
}
