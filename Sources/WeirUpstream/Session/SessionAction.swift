package import WeirCore
package import WeirJSON
package import WeirMCP

/// What a `SessionMachine` wants done, in order.
package enum SessionAction: Sendable {
  /// One message for the server, without a line break.
  case write([UInt8])
  /// The session is open; calls may be sent.
  case opened(SessionInfo)
  /// The session cannot be opened: the connection is of no use any more. One line without secrets.
  case failed(reason: String)
  /// The call with this id has ended. The result is still part of its message.
  case finished(id: Int, Result<JSONValue, CallError>)
  /// The call with this id reports progress.
  case progress(id: Int, CallProgress)
  /// The server says that these lists of it have changed.
  case changed(UpstreamFeatures)
  /// The server says that a resource has changed.
  case resourceUpdated(uri: Name)
  /// The server logged something at this level. Its content is not for Weir's log.
  case serverLog(level: String, params: [UInt8]?)
  /// The server tells whoever stands behind the session.
  case told(method: String, params: [UInt8]?)
  /// The server asks whoever stands behind the session.
  case asked(id: RPCID, method: String, params: [UInt8]?)
  /// The server takes back what it asked.
  case withdrawn(id: RPCID)
}
