package import Logging
package import WeirCache
package import WeirCore
package import WeirFleet
internal import WeirJSON
package import WeirMCP
internal import WeirPipeline
package import WeirServer
internal import WeirTenancy

/// What `POST /admin/cache/purge` does, and `weir cache purge` asks for.
package struct CachePurges: Sendable {
  package static let path = "/admin/cache/purge"

  private let cache: TieredStore<CallResult>
  private let fleet: FleetPurges?
  private let scopes: @Sendable () -> KnownScopes
  private let metrics: MetricFamily<Counter>
  private let time: any TimeSource
  private let logger: Logger

  /// - Parameter fleet: nil where this process is all there is.
  package init(
    cache: TieredStore<CallResult>, fleet: FleetPurges?, scopes: @escaping @Sendable () -> KnownScopes, metrics: MetricFamily<Counter>,
    time: any TimeSource, logger: Logger
  ) {
    self.cache = cache
    self.fleet = fleet
    self.scopes = scopes
    self.metrics = metrics
    self.time = time
    self.logger = logger
  }

  package static func counter(_ registry: MetricsRegistry) -> MetricFamily<Counter> {
    registry.counter("weir_invalidations_total", "Scopes that this replica was asked to purge.", labels: ["kind"])
  }

  /// The action of the front. Without a key only this machine may, at a listener of its own.
  package func action(for listen: Settings.Listen) -> FrontHooks.Action {
    FrontHooks.Action(path: Self.path, label: "cache_purge", access: Self.access(for: listen)) { await answer($0) }
  }

  static func access(for listen: Settings.Listen) -> FrontHooks.Action.Access {
    if let token = listen.adminToken { return .key(APIKey.digest(of: token.reveal.utf8)) }
    if let admin = listen.admin, Settings.Listen.isLoopback(admin.host) { return .anybody }
    return .nobody(
      "purging needs listen.admin_token in the configuration, or a listen.admin_address that only this machine reaches, such as 127.0.0.1:9090")
  }

  /// - Returns: 200 where the purge counts wherever it has to; 202 where it counts here, and Redis has not taken it yet, or not every replica of
  ///   the fleet has said that it knows of it.
  func answer(_ body: [UInt8]) async -> (status: Int, json: [UInt8]) {
    let order: PurgeOrder
    do {
      order = try PurgeOrder(body)
    } catch {
      return (400, Self.problem(error.message))
    }
    for scope in order.scopes { if let fault = scopes().fault(of: scope) { return (404, Self.problem(fault)) } }
    if order.isDry { return (200, PurgeReport(scopes: order.scopes, reach: .dry).json) }
    let report = PurgeReport(scopes: order.scopes, reach: await purge(order.scopes))
    return (report.reach.isComplete ? 200 : 202, report.json)
  }

  private func purge(_ scopes: [PurgeScope]) async -> PurgeReport.Reach {
    for scope in scopes {
      metrics.with(scope.kind.rawValue).add()
      // What else is covered is out of reach from now on; a sweep removes it.
      if scope == .all { cache.memory.removeAll() }
      if case .key(let key) = scope { cache.memory.remove(key) }
    }
    let reach: PurgeReport.Reach
    if let fleet {
      reach = PurgeReport.Reach(await fleet.purge(scopes))
    } else {
      cache.purges.purge(scopes, now: time.now())
      reach = .replica
    }
    logger.info("purged", metadata: ["scopes": "\(scopes.map(\.description).joined(separator: " "))", "reach": "\(reach)"])
    return reach
  }

  private static func problem(_ text: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("error", text)
    writer.endObject()
    return writer.bytes
  }
}
