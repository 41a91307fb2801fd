package import WeirJSON

/// One tool as its upstream describes it. The description's bytes reach clients unchanged, apart from the name where endpoints need one.
package struct ToolDefinition: Sendable, Equatable {
  /// The upstream's own name of the tool.
  package let name: Name
  /// The whole definition object, as the upstream sent it.
  package let json: [UInt8]
  /// `annotations.readOnlyHint`; false where it is absent (MCP 2026-07-28, schema `ToolAnnotations`). A hint, not to be trusted by itself.
  package let readOnlyHint: Bool
  /// SHA-256 over the canonical definition: part of every cache key, so that a changed tool never answers from its predecessor's entries.
  package let digest: [UInt8]

  package init(name: Name, json: [UInt8], readOnlyHint: Bool, digest: [UInt8]) {
    self.name = name
    self.json = json
    self.readOnlyHint = readOnlyHint
    self.digest = digest
  }
}

/// What an upstream offers at this moment.
package struct UpstreamCatalog: Sendable, Equatable {
  package var tools: [ToolDefinition]
  /// Resources, resource templates and prompts, each list in the upstream's order.
  package var items: [CatalogKind: [CatalogItem]]
  /// What it declared when its session was opened.
  package var features: UpstreamFeatures
  /// The `instructions` of its `initialize` or `server/discover` answer.
  package var instructions: String?

  package init(
    tools: [ToolDefinition], items: [CatalogKind: [CatalogItem]] = [:], features: UpstreamFeatures = .tools, instructions: String? = nil
  ) {
    self.tools = tools
    self.items = items
    self.features = features
    self.instructions = instructions
  }
}

/// Whether an upstream can be called. Shown on `/readyz`, in the log and as a metric.
package enum UpstreamState: Sendable, Equatable {
  case connecting
  case ready
  /// `reason` is one line without secrets.
  case down(reason: String)
}

/// A progress report of a call in flight (`notifications/progress`), without its token: every waiter has its own.
package struct CallProgress: Sendable, Equatable {
  /// The params object of the notification, as the upstream sent it.
  package let params: [UInt8]

  package init(params: [UInt8]) {
    self.params = params
  }
}

/// One request for an upstream. Ids, progress tokens and the connection-owned `_meta` keys are the connection's own business.
package struct UpstreamRequest: Sendable {
  /// The MCP method, such as `tools/call`.
  package var method: String
  /// The tool's or prompt's own name, or the resource's URI; mirrored to `Mcp-Name` for modern HTTP upstreams.
  package var name: Name?
  /// Further headers for modern HTTP upstreams, `mcp-param-…` in lower case.
  package var headers: [(name: String, value: String)] = []
  /// The same, as the client sent them and Weir does not know them: where a name stands in `headers`, that counts.
  package var clientHeaders: [(name: String, value: String)] = []
  /// The params object without `_meta`.
  package var params: [UInt8]
  /// The members of the caller's `_meta` that travel on (trace context and the like), as an object, or nil.
  package var meta: [UInt8]?
  /// Who asks, as far as the upstream may know it and talk to them; nil for what Weir asks in nobody's name.
  package var caller: UpstreamCaller?
  /// When the answer stops being useful: the upstream is then cancelled and the call fails with `timedOut`.
  package var deadline: Moment
  /// True where sending it twice does no harm, so that a lost session or process may be answered by sending it again, once.
  package var isRepeatable: Bool
  /// Called for every progress report, in order. Must not block. A progress token is sent upstream only where this is set.
  package var onProgress: (@Sendable (CallProgress) -> Void)?

  package init(
    method: String, name: Name? = nil, params: [UInt8], meta: [UInt8]? = nil, caller: UpstreamCaller? = nil, deadline: Moment,
    isRepeatable: Bool = false, onProgress: (@Sendable (CallProgress) -> Void)? = nil
  ) {
    self.method = method
    self.name = name
    self.params = params
    self.meta = meta
    self.caller = caller
    self.deadline = deadline
    self.isRepeatable = isRepeatable
    self.onProgress = onProgress
  }
}

/// An MCP server that Weir stands in front of. Implementations keep the connection alive in `run()`; `send` fails fast while there is none.
package protocol Upstream: Sendable {
  /// The operator's name for it: `[a-z0-9-]`, no `__`.
  var name: Name { get }
  /// Connects, lists the tools, reconnects, until cancelled; ends orderly, leaving no process and no descriptor behind.
  func run() async
  /// One request, one answer: the bytes of `result`, whole and untouched. Cancelling the task cancels the request upstream.
  /// - Throws: `upstreamDown`, `timedOut`, `upstreamInvalid`, `upstreamError`, `cancelled`.
  func send(_ request: UpstreamRequest) async throws(CallError) -> JSONDocument
  /// The resources whose changes its observer is to hear of, in the place of those named before.
  func watch(_ uris: Set<Name>)
  /// Its lists may have changed without it saying so here. Lists them again, but not more often than it would be listed anyway.
  /// - Parameter atOnce: without waiting for further changes.
  func listAgain(atOnce: Bool)
  /// What became of it, and since when.
  var state: UpstreamState { get }
  /// How many sessions it has opened.
  var openings: Int { get }
  /// Sends a notification without params in the name of the client that its session is for; nothing where it has none, or none of the handshake era.
  func tell(_ method: String)
  /// The roots of the client of this session of the front are others.
  func rootsChanged(of session: Name)
}

extension Upstream {
  package func watch(_ uris: Set<Name>) {}
  package var openings: Int { 0 }
  package func tell(_ method: String) {}
  package func rootsChanged(of session: Name) {}
  package func listAgain(atOnce: Bool) {}
}

/// Told by an upstream when its tools or its state change. Calls are made one after the other, never concurrently.
package protocol UpstreamObserver: Sendable {
  /// It says that lists have changed: the first time since it was listed. It is listed next.
  func upstreamAnnouncesChange(_ name: Name)
  /// It was listed. `announced` are the lists of which it said since the last time that they have changed: tools, resources, prompts.
  func upstream(_ name: Name, offers catalog: UpstreamCatalog, announced: UpstreamFeatures)
  func upstream(_ name: Name, became state: UpstreamState)
  /// It says that a resource to which somebody subscribed has changed.
  func upstream(_ name: Name, updated uri: Name)
}

extension UpstreamObserver {
  package func upstream(_ name: Name, offers catalog: UpstreamCatalog) { upstream(name, offers: catalog, announced: []) }
  package func upstream(_ name: Name, updated uri: Name) {}
  package func upstreamAnnouncesChange(_ name: Name) {}
}
