package import WeirCore
package import WeirJSON
package import WeirMCP
package import WeirTenancy

/// Where a request came in: `/mcp` with every upstream's tools under prefixed names, or `/mcp/<upstream>` with one upstream's own names.
package enum Endpoint: Hashable, Sendable {
  case aggregate
  case upstream(Name)
}

/// A `tools/call` as the front read it: parsed once, checked against its headers, not yet looked at.
package struct ReceivedCall: Sendable {
  package let endpoint: Endpoint
  /// `params.name`, as the client wrote it.
  package let name: Name
  /// `params`, an object.
  package let params: JSONValue
  /// When the front received it.
  package let receivedAt: Moment

  package init(endpoint: Endpoint, name: Name, params: JSONValue, receivedAt: Moment) {
    self.endpoint = endpoint
    self.name = name
    self.params = params
    self.receivedAt = receivedAt
  }
}

/// The answer of a call, still without the caller's id and era.
package struct CallReply: Sendable {
  package enum Body: Sendable {
    /// A tool result with the bytes that say how it came about, `{"outcome":…}`, to be spliced into `_meta["weir/cache"]`.
    case result(ToolResult, provenance: [UInt8])
    case failure(CallError)
  }

  package let body: Body
  package let outcome: CallOutcome

  package init(body: Body, outcome: CallOutcome) {
    self.body = body
    self.outcome = outcome
  }
}

/// What the synchronous part of the pipeline made of a call.
package enum CallStep: Sendable {
  /// Answered without leaving the event loop: a hit, or a refusal.
  case finished(CallReply)
  /// Has to wait for Redis or an upstream.
  case pending(PendingCall)
}

/// A call that waits. `reply` must be called exactly once; cancelling its task makes this caller leave and disturbs nobody else.
package struct PendingCall: Sendable {
  private let run: @Sendable ((@Sendable (CallProgress) -> Void)?) async -> CallReply

  package init(run: @escaping @Sendable ((@Sendable (CallProgress) -> Void)?) async -> CallReply) {
    self.run = run
  }

  /// Waits for the answer; `onProgress` is called for each progress report, in order, and must not block.
  package func reply(onProgress: (@Sendable (CallProgress) -> Void)? = nil) async -> CallReply {
    await run(onProgress)
  }
}

/// The tools that a caller may see at an endpoint.
package struct ToolListing: Sendable {
  /// A JSON array of tool definitions.
  package let tools: [UInt8]
  /// For how long the front may call it fresh (`ttlMs`). Lists are filtered per tenant, so their scope is always `private`.
  package let ttl: Duration

  package init(tools: [UInt8], ttl: Duration) {
    self.tools = tools
    self.ttl = ttl
  }
}

/// What the front needs of the pipeline. The front never looks behind it.
package protocol Gateway: Sendable {
  /// Stage *authenticate*. - Throws: `CallError` with reason `unauthenticated`.
  func authenticate(_ credential: PresentedCredential) throws(CallError) -> Identified
  /// False where `/mcp/<upstream>` names no configured upstream, or none that this caller may use.
  func offers(_ endpoint: Endpoint, to caller: Identified) -> Bool
  /// The `instructions` for clients of this endpoint, joined and bounded.
  func instructions(at endpoint: Endpoint, for caller: Identified) -> String?
  /// Stage *resolve* for lists: deterministic order, filtered by what the caller may call.
  func tools(at endpoint: Endpoint, for caller: Identified) -> ToolListing
  /// Stages *resolve* to *look up*, synchronously; the rest of the way in the returned step.
  func call(_ call: ReceivedCall, by caller: Identified) -> CallStep
}
