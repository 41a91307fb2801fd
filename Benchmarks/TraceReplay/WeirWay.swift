import Logging
import NIOConcurrencyHelpers
import WeirBilling
import WeirCache
import WeirCore
import WeirFlow
import WeirJSON
import WeirMCP
import WeirPipeline
import WeirTenancy

/// Weir itself, put together as the `weir` program does it, without its sockets: the pipeline with its cache, flights, lanes and packs. Only
/// the clock and the upstreams are the replay's.
struct WeirWay: Way {
  /// Processes of each upstream, and requests at the provider at the same time.
  static let processes = 4

  private let pipeline: Pipeline
  private let callers: [Identified]
  private let cache: TieredStore<CallResult>
  private let flights: Flights<CacheKey, Fetched>
  private let lanes: [Name: ProviderLane]
  private let time: any TimeSource
  private let tally = NIOLockedValueBox<[String: Int]>([:])

  init(_ mode: Mode, _ trace: Trace, _ world: World, _ limits: MergeLimits) throws {
    time = world.time
    cache = TieredStore(
      memory: MemoryStore(limits: MemoryLimits(), cores: 2), shared: nil, time: world.time, encode: { $0.bytes },
      decode: { try? CallResult(storedNormalized: $0) })
    flights = Flights(time: world.time)
    let tenants = Self.tenants(trace)
    lanes = Dictionary(
      uniqueKeysWithValues: world.providers.map { name, provider in (name, Self.lane(name, provider, mode, limits, world)) })
    let upstreams = Self.upstreams(mode)
    let directory = ToolDirectory(upstreams: upstreams)
    pipeline = Pipeline(
      tenants: TenantDirectory(tenants: tenants), directory: directory,
      upstreams: upstreams.map { ToolServer(name: $0.name, processes: Self.processes, world: world) }, lanes: lanes, cache: cache,
      writer: SharedWriter(cache: cache), flights: flights,
      recorder: CallRecorder(
        metrics: CallMetrics(MetricsRegistry()), usage: UsageLedger(time: world.time),
        logger: Logger(label: "replay") { _ in SwiftLogNoOpLogHandler() }),
      time: world.time)
    for (server, tool) in [("billing", "cost-explorer"), ("pricing", "get_pricing")] {
      let definition = ToolDefinition(
        name: Name(tool), json: Array(#"{"name":"\#(tool)","inputSchema":{"type":"object"}}"#.utf8), readOnlyHint: false, digest: Array(tool.utf8))
      directory.upstream(Name(server), offers: UpstreamCatalog(tools: [definition]))
    }
    callers = try trace.callers.map { [pipeline] in try pipeline.authenticate(.apiKey(Self.key(of: $0))) }
  }

  var outcomes: [String: Int] { tally.withLockedValue { $0 } }

  func run() async {
    await withDiscardingTaskGroup { group in
      for lane in lanes.values { group.addTask { await lane.lane.run() } }
      group.addTask { await flights.run() }
      group.addTask { await cache.memory.run(time: time) }
    }
  }

  func answer(_ call: TraceCall, from caller: Int) async -> Ending {
    let received = ReceivedCall(endpoint: .upstream(call.server), name: call.tool, params: call.params.root, receivedAt: time.now())
    let reply: CallReply
    switch pipeline.call(received, by: callers[caller]) {
    case .finished(let known): reply = known
    case .pending(let pending): reply = await pending.reply()
    }
    tally.withLockedValue { $0[reply.outcome.rawValue, default: 0] += 1 }
    switch reply.body {
    case .result(let result, _): return Ending(result: result.bytes)
    case .failure(let error): return Ending(error)
    }
  }

  // MARK: Configuration

  private static func key(of caller: Caller) -> [UInt8] { Array("\(caller.tenant)/\(caller.name)".utf8) }

  private static func tenants(_ trace: Trace) -> [Tenant] {
    Dictionary(grouping: trace.callers, by: \.tenant).sorted { $0.key < $1.key }.map { tenant, callers in
      Tenant(
        name: Name(tenant), keys: callers.map { Tenant.Key(name: Name($0.name), digest: APIKey.digest(of: key(of: $0))) },
        allow: ToolPattern("*").map { [$0] } ?? [])
    }
  }

  /// The lane as Weir configures it for this provider, or a wide open one.
  private static func lane(_ name: Name, _ provider: Provider, _ mode: Mode, _ limits: MergeLimits, _ world: World) -> ProviderLane {
    var configuration = LaneConfiguration(concurrency: 1024, queueLimit: 100_000, tenantQueueLimit: 100_000)
    if mode.isAtLeast(.lane) {
      let facts = AWSBillingPack().providers.first { $0.name == name }
      let limit = facts.flatMap { RateLimit(count: $0.rate, period: .seconds(1), burst: $0.burst) }
      configuration = LaneConfiguration(
        limits: limit.map { [$0] } ?? [], concurrency: processes, tenantConcurrency: processes - max(1, processes / 4))
    }
    return ProviderLane(
      lane: Lane(name: name, configuration: configuration, time: world.time, jitter: { 0.5 }), price: provider.price,
      merging: mode.isAtLeast(.merging) ? limits : nil)
  }

  private static func upstreams(_ mode: Mode) -> [UpstreamSettings] {
    let hour = CacheRule(tool: "*", freshness: Freshness(fresh: .hours(1), stale: .zero))
    let packs: [(Name, any PolicyPack, Name)] = [("billing", AWSBillingPack(), AWSCall.explorer), ("pricing", AWSPricingPack(), AWSCall.prices)]
    return packs.map { name, pack, provider in
      UpstreamSettings(
        name: name, credential: "replay", policy: mode.isAtLeast(.freshness) ? UpstreamPolicy(pack: pack) : UpstreamPolicy(rules: [hour]),
        provider: provider, share: .all, callTimeout: .seconds(120), reusesBuckets: mode.isAtLeast(.buckets), widens: mode.isAtLeast(.wider),
        derivesSums: mode.isAtLeast(.sums))
    }
  }
}
