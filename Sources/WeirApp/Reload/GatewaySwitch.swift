internal import NIOConcurrencyHelpers
package import WeirCore
package import WeirMCP
package import WeirPipeline
package import WeirTenancy

/// Brings each request to the generation that is current when it comes. A call stays with the generation that it began with.
package final class GatewaySwitch: Gateway {
  private let generation: NIOLockedValueBox<Generation>

  init(_ first: Generation) {
    generation = NIOLockedValueBox(first)
  }

  var current: Generation { generation.withLockedValue { $0 } }

  /// From now on requests are brought to this one. Returns the one before.
  func change(to next: Generation) -> Generation {
    generation.withLockedValue { generation in
      defer { generation = next }
      return generation
    }
  }

  private var pipeline: Pipeline { current.pipeline }

  package func authenticate(_ credential: PresentedCredential) throws(CallError) -> Identified { try pipeline.authenticate(credential) }
  package func offers(_ endpoint: Endpoint, to caller: Identified) -> Bool { pipeline.offers(endpoint, to: caller) }
  package func instructions(at endpoint: Endpoint, for caller: Identified) -> String? { pipeline.instructions(at: endpoint, for: caller) }

  package func tools(
    at endpoint: Endpoint, for caller: Identified, in era: ProtocolEra, after cursor: [UInt8]?
  ) throws(CallError) -> Listing {
    try pipeline.tools(at: endpoint, for: caller, in: era, after: cursor)
  }

  package func list(_ kind: CatalogKind, at endpoint: Endpoint, for caller: Identified, after cursor: [UInt8]?) throws(CallError) -> Listing {
    try pipeline.list(kind, at: endpoint, for: caller, after: cursor)
  }

  package func features(at endpoint: Endpoint, for caller: Identified) -> UpstreamFeatures { pipeline.features(at: endpoint, for: caller) }

  package func headerParameters(of tool: Name, at endpoint: Endpoint) -> HeaderParameters? { pipeline.headerParameters(of: tool, at: endpoint) }

  package func watch(_ uris: [Name], at endpoint: Endpoint, by caller: Identified, for watcher: Name) -> [Name] {
    pipeline.watch(uris, at: endpoint, by: caller, for: watcher)
  }

  package func unwatch(_ uri: Name?, for watcher: Name) { pipeline.unwatch(uri, for: watcher) }
  package func rootsChanged(in session: Name) { pipeline.rootsChanged(in: session) }

  package func bond(of call: ReceivedCall, by caller: Identified) -> SessionBond { pipeline.bond(of: call, by: caller) }
  package func bond(of request: RelayedRequest, by caller: Identified) -> SessionBond { pipeline.bond(of: request, by: caller) }

  package func call(_ call: ReceivedCall, by caller: Identified) -> CallStep { step { $0.call(call, by: caller) } }
  package func relay(_ request: RelayedRequest, by caller: Identified) -> CallStep { step { $0.relay(request, by: caller) } }

  /// What waits is counted, so that what it needs is not ended under it.
  private func step(_ make: (Pipeline) -> CallStep) -> CallStep {
    // Counted before it is looked at: the generation may be replaced meanwhile.
    let generation = generation.withLockedValue { generation in
      generation.calls.begin()
      return generation
    }
    switch make(generation.pipeline) {
    case .finished(let reply):
      generation.calls.end()
      return .finished(reply)
    case .pending(let pending):
      return .pending(
        PendingCall(isConversation: pending.isConversation) { listener in
          defer { generation.calls.end() }
          return await pending.reply(to: listener)
        })
    }
  }
}
