package import Logging
package import ServiceLifecycle
internal import WeirBilling
internal import WeirCache
package import WeirCore
internal import WeirFleet
internal import WeirFlow
internal import WeirHTTPClient
internal import WeirMCP
internal import WeirPipeline
internal import WeirRedis
package import WeirServer
internal import WeirTenancy
internal import WeirUpstream

/// Everything that runs, put together from the settings: the one place that knows all targets.
package struct Assembly: Sendable {
  package let front: Front
  package let readiness: Readiness
  package let services: [any Service]

  /// - Parameter program: the path of this program, which guards child processes.
  /// - Throws: `SettingsError` where the settings name something that can't be made.
  package init(_ settings: Settings, file: String, program: String, time: any TimeSource = SystemTime(), logger: Logger) throws {
    let registry = MetricsRegistry()
    let redis = try Self.redis(settings.cache.redis, file: file, registry: registry, logger: logger)
    let address = FleetAddress.choose(settings)
    let fleet = redis.map { Fleet(client: $0, prefix: settings.cache.redis?.prefix ?? "", address: address, time: time) }
    let sealer = settings.sealKey.map { Sealer(secret: Array($0.reveal.utf8)) }
    // Without a secret of all of them no replica can trust what another brings.
    let forwarder = fleet != nil && sealer != nil ? HTTPClient(configuration: FleetFront.client, logger: logger) : nil
    if fleet != nil, sealer == nil { logger.warning("\(FleetFront.noSealKey)") }
    let cache = Self.cache(settings.cache, fleet: fleet, time: time)
    let purges = CachePurges(
      cache: cache, fleet: fleet?.purges, scopes: KnownScopes(settings), metrics: CachePurges.counter(registry), time: time, logger: logger)
    let writer = SharedWriter(cache: cache)
    let flights = Flights<CacheKey, Fetched>(time: time)
    let rates = fleet.map { fleet in settings.providers.mapValues { Self.rate($0, in: fleet, time: time, logger: logger) } } ?? [:]
    let lanes = settings.providers.mapValues {
      Self.lane($0, tenants: settings.tenants.count, rate: rates[$0.name], time: time, logger: logger)
    }
    let changes = Announcements()
    let watches = WatchBook()
    let directory = ToolDirectory(upstreams: settings.upstreams.map(Self.pipelineSettings)) { changes.announce($1, of: $0) }
    let factory = UpstreamFactory(
      program: program, observer: UpstreamWatch(directory: directory, logger: logger) { changes.updated(watches.changed($1, of: $0)) },
      time: time, logger: logger)
    var upstreams: [UpstreamFamily] = []
    var clients: [HTTPClient] = []
    for upstream in settings.upstreams {
      let (made, client) = factory.makeFamily(upstream)
      upstreams.append(made)
      if let client { clients.append(client) }
    }
    let usage = UsageLedger(time: time)
    let keeper = try Self.keeper(usage, of: settings.usageFile, file: file, time: time, logger: logger)
    let pipeline = Pipeline(
      tenants: settings.tenants.isEmpty ? .local : TenantDirectory(tenants: settings.tenants), directory: directory, upstreams: upstreams,
      lanes: lanes, cache: cache, writer: writer, flights: flights,
      recorder: CallRecorder(metrics: CallMetrics(registry), usage: usage, logger: logger), time: time,
      sealer: sealer ?? Sealer(), watches: watches)
    readiness = Readiness(directory: directory, redis: redis)
    front = Self.front(
      settings.listen, pipeline, registry, readiness, UsagePage(usage, isKept: keeper != nil), purges, upstreams,
      fleet: fleet.flatMap { fleet in
        sealer.flatMap { sealer in forwarder.map { FleetFront.make(fleet, sealer: sealer, client: $0) } }
      }, time: time, logger: logger)
    if let fleet { FleetFront.connect(fleet, to: front) }
    if let forwarder { clients.append(forwarder) }
    changes.connect(front.notifier)
    Self.collect(registry, cache, writer, flights, lanes, rates, directory, redis, front, time: time)
    services = Self.services(
      front: front, fleet: fleet, cache: cache, writer: writer, flights: flights, lanes: lanes, rates: rates, upstreams: upstreams, clients: clients,
      keeper: keeper, time: time)
  }

  /// In the order in which they start; they stop the other way round, so that the front drains while everything behind it still works.
  private static func services(
    front: Front, fleet: Fleet?, cache: TieredStore<CallResult>, writer: SharedWriter, flights: Flights<CacheKey, Fetched>,
    lanes: [Name: ProviderLane], rates: [Name: SharedRate],
    upstreams: [any Upstream], clients: [HTTPClient], keeper: UsageKeeper?, time: any TimeSource
  ) -> [any Service] {
    var services: [any Service] = []
    let shared = lanes.compactMap { name, lane in rates[name].map { (lane: lane.lane, rate: $0) } }
    // Ends last, when nothing is counted any more.
    if let keeper { services.append(BackgroundService { await keeper.run() }) }
    if let fleet {
      services.append(BackgroundService { await fleet.client.run() })
      services.append(FleetService(fleet: fleet, rates: shared))
    }
    services.append(BackgroundService { await cache.memory.run(time: time) })
    // Answers were paid for: those that wait are written before Redis is let go.
    services.append(DrainingService(body: { await writer.run() }, close: { writer.close() }))
    services.append(
      BackgroundService {
        await withDiscardingTaskGroup { group in
          // One child for each upstream: the service ends when all of them have.
          for upstream in upstreams { group.addTask { await upstream.run() } }
        }
        for client in clients { await client.shutdown() }
      })
    services.append(
      BackgroundService {
        await withDiscardingTaskGroup { group in
          // Children of the service: it ends when the lanes and the flights in them have.
          for lane in lanes.values { group.addTask { await lane.lane.run() } }
          for (lane, rate) in shared { group.addTask { await rate.run(for: lane) } }
          group.addTask { await flights.run() }
        }
      })
    services.append(front)
    return services
  }

  private static func keeper(
    _ ledger: UsageLedger, of path: String?, file: String, time: any TimeSource, logger: Logger
  ) throws(SettingsError) -> UsageKeeper? {
    guard let path else { return nil }
    do {
      return try UsageKeeper(ledger, file: UsageFile(path: path), time: time, logger: logger)
    } catch {
      throw SettingsError(file: file, line: nil, key: "usage.file", message: error.description)
    }
  }

  private static func redis(_ settings: RedisSettings?, file: String, registry: MetricsRegistry, logger: Logger) throws -> RedisClient? {
    guard let settings else { return nil }
    let seconds = registry.histogram("weir_redis_command_duration_seconds", "Time from a command to its reply.").with()
    do {
      return try RedisClient(configuration: settings.configuration, logger: logger) { seconds.observe($0) }
    } catch {
      throw SettingsError(file: file, line: nil, key: "cache.redis", message: "\(error)")
    }
  }

  private static func cache(_ settings: Settings.Cache, fleet: Fleet?, time: any TimeSource) -> TieredStore<CallResult> {
    let limits = MemoryLimits(maxBytes: settings.memoryBytes, maxEntryBytes: settings.maxEntryBytes)
    return TieredStore(
      memory: MemoryStore(limits: limits, cores: Machine.cores, purges: fleet?.purges.marks ?? PurgeMarks()), shared: fleet?.store,
      leases: fleet?.leases,
      maxSharedBytes: settings.maxSharedEntryBytes, cipher: settings.cipher, time: time,
      encode: { $0.bytes }, decode: { try? CallResult(storedNormalized: $0) })
  }

  private static func rate(_ provider: Settings.Provider, in fleet: Fleet, time: any TimeSource, logger: Logger) -> SharedRate {
    let settings = SharedRateSettings(limits: provider.limits, withoutRedis: provider.withoutRedis)
    return SharedRate(provider: provider.name, settings: settings, fleet: fleet, time: time, logger: logger)
  }

  private static func lane(
    _ provider: Settings.Provider, tenants: Int, rate: SharedRate?, time: any TimeSource, logger: Logger
  ) -> ProviderLane {
    // A quarter of the places stays free of any one tenant, so that calls that hang don't hold up the others.
    let share = tenants > 1 ? provider.concurrency - max(1, provider.concurrency / 4) : provider.concurrency
    var configuration = LaneConfiguration(
      limits: provider.limits, concurrency: provider.concurrency, tenantConcurrency: share, budgets: provider.budget.map { [$0] } ?? [],
      tenantBudgets: provider.tenantBudgets.mapValues { [$0] })
    configuration.sharesBudgets = rate != nil
    let lane = Lane(
      name: provider.name, configuration: configuration, time: rate?.time ?? time, limiter: rate?.limiter,
      onBudget: { logger.warning("provider \(provider.name): \($0.message)") }, onClaim: { rate?.claim() })
    return ProviderLane(lane: lane, price: provider.price, merging: provider.merges ? MergeLimits() : nil, linger: provider.linger)
  }

  private static func pipelineSettings(_ upstream: Settings.Upstream) -> UpstreamSettings {
    UpstreamSettings(
      name: upstream.name, credential: UpstreamFactory.credential(of: upstream), policy: upstream.policy, provider: upstream.provider,
      share: upstream.share, toolShares: upstream.toolShares, tags: upstream.tags, toolTags: upstream.toolTags,
      callTimeout: upstream.callTimeout, resourceTTL: upstream.resourceTTL,
      sharesSessions: upstream.isolation == .shared,
      reusesBuckets: upstream.reusesBuckets, widens: upstream.widens)
  }

  private static func front(
    _ listen: Settings.Listen, _ pipeline: Pipeline, _ registry: MetricsRegistry, _ readiness: Readiness, _ usage: UsagePage,
    _ purges: CachePurges, _ upstreams: [UpstreamFamily], fleet: FrontFleet?, time: any TimeSource, logger: Logger
  ) -> Front {
    var configuration = FrontConfiguration(address: FrontAddress(host: listen.host, port: listen.port), version: Version.current)
    configuration.adminAddress = listen.admin.map { FrontAddress(host: $0.host, port: $0.port) }
    configuration.publicURL = listen.publicURL
    configuration.allowedHosts = listen.allowedHosts
    configuration.allowedOrigins = listen.allowedOrigins
    configuration.limits.maxBodyBytes = listen.maxBodyBytes
    configuration.limits.headerTimeout = listen.headerTimeout
    configuration.limits.bodyTimeout = listen.bodyTimeout
    configuration.limits.keepAliveTimeout = listen.idleTimeout
    configuration.limits.writeStallTimeout = listen.writeTimeout
    configuration.limits.maxConnections = listen.maxConnections
    configuration.limits.drainGrace = listen.shutdownGrace
    var hooks = FrontHooks()
    hooks.metrics = { registry.page() }
    hooks.pages = [FrontHooks.Page(path: UsagePage.path, label: "usage", answer: usage.answer)]
    hooks.actions = [purges.action(for: listen)]
    hooks.onSessionEnd = { session in for upstream in upstreams { upstream.sessionEnded(session) } }
    hooks.readiness = { FrontHooks.Readiness(isReady: true, json: readiness.json) }
    let requests = RequestCounter(registry)
    hooks.onRequest = { route, status in requests.count(route, status: status) }
    return Front(configuration: configuration, gateway: pipeline, hooks: hooks, fleet: fleet, time: time, logger: logger)
  }

  private static func collect(
    _ registry: MetricsRegistry, _ cache: TieredStore<CallResult>, _ writer: SharedWriter, _ flights: Flights<CacheKey, Fetched>,
    _ lanes: [Name: ProviderLane], _ rates: [Name: SharedRate],
    _ directory: ToolDirectory, _ redis: RedisClient?, _ front: Front, time: any TimeSource
  ) {
    registry.collect(Collectors.process())
    registry.collect(Collectors.cache(cache, writer: writer))
    registry.collect(Collectors.purges(cache.purges, isShared: redis != nil, time: time))
    registry.collect(Collectors.flights(flights))
    for name in lanes.keys.sorted() { if let lane = lanes[name] { registry.collect(Collectors.lane(lane.lane, time: time)) } }
    for (name, rate) in rates.sorted(by: { $0.key < $1.key }) { registry.collect(Collectors.rate(rate, of: name)) }
    registry.collect(Collectors.upstreams(directory))
    registry.collect(Collectors.front(front))
    if let redis { registry.collect(Collectors.redis(redis)) }
  }
}
