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
  /// What an upstream may know of the client; matters to calls that are passed on as they are.
  package let client: UpstreamCaller?
  /// The headers `Mcp-Param-…` of a modern client: names in lower case, values as they came, fit to be sent.
  package let parameters: [String: String]
  /// When the front received it.
  package let receivedAt: Moment

  package init(
    endpoint: Endpoint, name: Name, params: JSONValue, client: UpstreamCaller? = nil, parameters: [String: String] = [:], receivedAt: Moment
  ) {
    self.endpoint = endpoint
    self.parameters = parameters
    self.name = name
    self.params = params
    self.client = client
    self.receivedAt = receivedAt
  }
}

/// A request that Weir brings to its upstream as it is: it reads a resource, gets a prompt, or completes an argument.
package struct RelayedRequest: Sendable {
  package enum Method: Sendable, Hashable, CaseIterable {
    case readResource
    case getPrompt
    case complete
    case getTask
    /// Of 2025-11-25 only.
    case taskResult
    case listTasks
    case cancelTask
    /// Of the extension only.
    case updateTask

    /// What it is called on the wire.
    package var name: String {
      switch self {
      case .readResource: MCPMethod.resourcesRead
      case .getPrompt: MCPMethod.promptsGet
      case .complete: MCPMethod.complete
      case .getTask: MCPMethod.tasksGet
      case .taskResult: MCPMethod.tasksResult
      case .listTasks: MCPMethod.tasksList
      case .cancelTask: MCPMethod.tasksCancel
      case .updateTask: MCPMethod.tasksUpdate
      }
    }

    /// The capability that a server needs for it, for a client of this era; nil where that has no such method. Tasks are not brought from one era
    /// to the other.
    package func feature(for era: ProtocolEra) -> UpstreamFeatures? {
      switch (self, era) {
      case (.readResource, _): .resources
      case (.getPrompt, _): .prompts
      case (.complete, _): .completions
      case (.getTask, .legacy), (.taskResult, .legacy): .tasks
      case (.listTasks, .legacy): .taskLists
      case (.cancelTask, .legacy): .taskCancellation
      case (.getTask, .modern), (.cancelTask, .modern), (.updateTask, .modern): .taskExtension
      case (.taskResult, .modern), (.listTasks, .modern), (.updateTask, .legacy): nil
      }
    }

    /// Whether it may be sent once more where it is not known what became of it.
    var isRepeatable: Bool { self != .getPrompt && self != .updateTask && self != .cancelTask }

    var isOfTasks: Bool {
      switch self {
      case .readResource, .getPrompt, .complete: false
      case .getTask, .taskResult, .listTasks, .cancelTask, .updateTask: true
      }
    }
  }

  package let endpoint: Endpoint
  package let method: Method
  package let era: ProtocolEra
  /// An object.
  package let params: JSONValue
  package let client: UpstreamCaller?
  package let receivedAt: Moment

  package init(endpoint: Endpoint, method: Method, era: ProtocolEra, params: JSONValue, client: UpstreamCaller?, receivedAt: Moment) {
    self.era = era
    self.endpoint = endpoint
    self.method = method
    self.params = params
    self.client = client
    self.receivedAt = receivedAt
  }
}

/// The answer of a call, still without the caller's id and era.
package struct CallReply: Sendable {
  package enum Body: Sendable {
    /// A result with the bytes that say how it came about, `{"outcome":…}`, to be spliced into `_meta["weir/cache"]`.
    /// Without them, it is not Weir that has something to say about the result.
    case result(CallResult, provenance: [UInt8]?)
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

/// Who waits for an answer, for what comes before it.
package struct CallListener: Sendable {
  /// Called for each progress report, in order; must not block.
  package let onProgress: (@Sendable (CallProgress) -> Void)?
  /// For all else that the upstream has to say or to ask.
  package let peer: (any ClientPeer)?

  package init(onProgress: (@Sendable (CallProgress) -> Void)? = nil, peer: (any ClientPeer)? = nil) {
    self.onProgress = onProgress
    self.peer = peer
  }
}

/// A call that waits. `reply` must be called exactly once; cancelling its task makes this caller leave and disturbs nobody else.
package struct PendingCall: Sendable {
  /// Whether the upstream may have something to say to this client, or to ask it, before it answers.
  package let isConversation: Bool
  private let run: @Sendable (CallListener) async -> CallReply

  package init(isConversation: Bool = false, run: @escaping @Sendable (CallListener) async -> CallReply) {
    self.isConversation = isConversation
    self.run = run
  }

  /// Waits for the answer.
  package func reply(to listener: CallListener = CallListener()) async -> CallReply { await run(listener) }
}

/// A list that a caller may see at an endpoint.
package struct Listing: Sendable {
  /// A JSON array of definitions.
  package let items: [UInt8]
  /// For how long the front may call it fresh (`ttlMs`). Lists are filtered per tenant, so their scope is always `private`.
  package let ttl: Duration
  /// The cursor of the next page; nil on the last.
  package let next: String?

  package init(items: [UInt8], ttl: Duration, next: String? = nil) {
    self.items = items
    self.ttl = ttl
    self.next = next
  }
}

/// How much a request in a session needs of the replica that has the session, where there are several.
package enum SessionBond: Sendable {
  /// Nothing.
  case none
  /// Its upstream may have something to say to the session's client at any time, which is reached there; where that replica has ended, any will do.
  case loose
  /// It goes on in what an upstream keeps for the session there: a session or process of its own, or a task.
  case tight
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
  /// `cursor` is the one that came with the page before. - Throws: `invalidParams` for another.
  func tools(at endpoint: Endpoint, for caller: Identified, in era: ProtocolEra, after cursor: [UInt8]?) throws(CallError) -> Listing
  /// Resources, resource templates and prompts likewise.
  func list(_ kind: CatalogKind, at endpoint: Endpoint, for caller: Identified, after cursor: [UInt8]?) throws(CallError) -> Listing
  /// What the upstreams of this endpoint, or any of them, can do for this caller.
  func features(at endpoint: Endpoint, for caller: Identified) -> UpstreamFeatures
  /// Stages *resolve* to *look up*, synchronously; the rest of the way in the returned step.
  func call(_ call: ReceivedCall, by caller: Identified) -> CallStep
  /// What calls of this tool must repeat in headers; nil: nothing, or there is no such tool.
  func headerParameters(of tool: Name, at endpoint: Endpoint) -> HeaderParameters?
  /// From now on `watcher` is to hear of changes of these resources. Returns those that are watched: not what nobody here has, nor what is too
  /// much.
  func watch(_ uris: [Name], at endpoint: Endpoint, by caller: Identified, for watcher: Name) -> [Name]
  /// Nil: of no resource any more.
  func unwatch(_ uri: Name?, for watcher: Name)
  /// The client of this session says that its roots are others: told to the upstreams that have a session of their own for it.
  func rootsChanged(in session: Name)
  /// How much a call in a session needs of the replica that has the session.
  func bond(of call: ReceivedCall, by caller: Identified) -> SessionBond
  func bond(of request: RelayedRequest, by caller: Identified) -> SessionBond
  /// Stages *resolve* and *authorize* of what is passed on as it is; the rest of the way in the returned step.
  func relay(_ request: RelayedRequest, by caller: Identified) -> CallStep
}
