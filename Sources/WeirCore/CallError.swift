/// The one error that crosses the pipeline (docs/decisions/0003): a closed list of reasons, a sentence for whoever reads it, and when to
/// try again. No upstream URL, token, path or argument value stands in a message.
package struct CallError: Error, Sendable, Equatable {
  /// Why the call has no answer. How a reason looks on the wire, in metrics and in the audit is decided by one table, `CallErrorWire` in the front.
  package enum Reason: String, Sendable, CaseIterable {
    /// No credential, or one that no tenant has.
    case unauthenticated
    /// The tenant may not use this tool.
    case denied
    /// No tool of that name is known here.
    case unknownTool = "unknown_tool"
    /// The request is well-formed JSON-RPC but its parameters are not what the method takes.
    case invalidParams = "invalid_params"
    /// The provider's rate or the tenant's share of it leaves no room before the caller's deadline.
    case throttled
    /// The provider's budget for the period is spent.
    case overBudget = "over_budget"
    /// The upstream is not reachable now.
    case upstreamDown = "upstream_down"
    /// The upstream did not answer in time.
    case timedOut = "timed_out"
    /// The upstream answered with something that is no MCP answer, or with one over the limit.
    case upstreamInvalid = "upstream_invalid"
    /// The upstream answered with a JSON-RPC error.
    case upstreamError = "upstream_error"
    /// The caller went away.
    case cancelled
    /// Weir is shutting down or has no room for one more call.
    case overloaded
    /// A fault of Weir's own.
    case internalFault = "internal"
  }

  package var reason: Reason
  /// One line that says what happened and what to do.
  package var message: String
  /// How long to wait before trying again makes sense, where that is known.
  package var retryAfter: Duration?
  /// True where the operator wants this error to be seen, even if there is a stale answer that could stand in for it.
  package var forbidsStale = false
  /// True where a request was sent and this came of it, so that whoever else asks would meet it too.
  package var isFromUpstream = false
  /// For `upstreamError`: the code and the `data` member of the upstream's JSON-RPC error.
  package var upstreamCode: Int?
  /// The message of that error, fit to be told.
  package var upstreamMessage: String?
  package var upstreamData: [UInt8]?
  /// For `upstreamError`: a server of 2026-07-28 refused the request for its headers, before it did anything (Streamable HTTP, server validation).
  package var refusesHeaders = false
  /// For `invalidParams`: the resource that nobody here has, as its client calls it.
  package var missingResource: Name?

  package init(
    _ reason: Reason, _ message: String, retryAfter: Duration? = nil, upstreamCode: Int? = nil, upstreamData: [UInt8]? = nil,
    upstreamMessage: String? = nil
  ) {
    self.reason = reason
    self.message = message
    self.retryAfter = retryAfter
    self.upstreamCode = upstreamCode
    self.upstreamData = upstreamData
    self.upstreamMessage = upstreamMessage
  }
}
