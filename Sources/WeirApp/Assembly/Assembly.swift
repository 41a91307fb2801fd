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
  /// Puts what the file says in the place of what holds.
  package let reloader: Reloader

  /// - Parameters:
  ///   - program: the path of this program, which guards child processes.
  ///   - read: reads the file again; nil where there is none.
  /// - Throws: `SettingsError` where the settings name something that can't be made.
  package init(
    _ settings: Settings, file: String, program: String, read: (@Sendable () throws -> Settings)? = nil, time: any TimeSource = SystemTime(),
    logger: Logger
  ) throws {
    let registry = MetricsRegistry()
    let redis = try Self.redis(settings.cache.redis, file: file, registry: registry, logger: logger)
    let address = FleetAddress.choose(settings)
    let fleet = redis.map { Fleet(client: $0, prefix: settings.cache.redis?.prefix ?? "", address: address, time: time) }
    let sealer = settings.sealKey.map { Sealer(secret: Array($0.reveal.utf8)) }
    // Without a secret of all of them no replica can trust what another brings.
    let forwarder = fleet != nil && sealer != nil ? HTTPClient(configuration: FleetFront.client, logger: logger) : nil
    if fleet != nil, sealer == nil { logger.warning("\(FleetFront.noSealKey)") }
    let cache = Self.cache(settings.cache, fleet: fleet, time: time)
    let writer = SharedWriter(cache: cache)
    let flights = Flights<CacheKey, Fetched>(time: time)
    let usage = UsageLedger(time: time)
    let keeper = try Self.keeper(usage, of: settings.usageFile, file: file, time: time, logger: logger)
    let hints = fleet.map { fleet in ChangeHints(replica: fleet.id.bytes, time: time) { fleet.sessions.tell($0) } }
    let workshop = Workshop(
      program: program, fleet: fleet, cache: cache, writer: writer, flights: flights,
      recorder: CallRecorder(metrics: CallMetrics(registry), usage: usage, logger: logger), sealer: sealer ?? Sealer(), hints: hints,
      changes: Announcements(time: time) { fleet.map { $0.roster.members.count > 1 } ?? false }, time: time, logger: logger)
    let gateway = GatewaySwitch(workshop.make(settings, number: 1))
    readiness = Readiness(directory: { gateway.current.directory }, fleet: fleet)
    front = Self.front(
      settings.listen, gateway, registry, readiness, UsagePage(usage, isKept: keeper != nil),
      CachePurges(
        cache: cache, fleet: fleet?.purges, scopes: { KnownScopes(gateway.current.settings) }, metrics: CachePurges.counter(registry), time: time,
        logger: logger),
      fleet: fleet.flatMap { fleet in
        sealer.flatMap { sealer in forwarder.map { FleetFront.make(fleet, sealer: sealer, client: $0) } }
      }, time: time, logger: logger)
    if let fleet { FleetFront.connect(fleet, to: front, hints) }
    hints?.connect(
      onLists: { gateway.current.upstreams[$0]?.family.listAgain(atOnce: $1) },
      onResource: { workshop.changes.updated(workshop.watches.changed($1, of: $0)) })
    workshop.changes.connect(front.notifier)
    reloader = Reloader(file: read == nil ? nil : file, read: read ?? { settings }, workshop: workshop, gateway: gateway, front: front)
    Self.collect(registry, cache, writer, flights, gateway, reloader, redis, front, time: time)
    let leaving = LeavingService(front: front, delay: settings.listen.shutdownDelay, time: time, logger: logger)
    services =
      Self.services(front: front, workshop: workshop, gateway: gateway, forwarder: forwarder, keeper: keeper, time: time) + [leaving]
  }

  /// In the order in which they start; they stop the other way round, so that the front drains while everything behind it still works.
  private static func services(
    front: Front, workshop: Workshop, gateway: GatewaySwitch, forwarder: HTTPClient?, keeper: UsageKeeper?, time: any TimeSource
  ) -> [any Service] {
    var services: [any Service] = []
    // Ends last, when nothing is counted any more.
    if let keeper { services.append(BackgroundService { await keeper.run() }) }
    if let fleet = workshop.fleet {
      services.append(BackgroundService { await fleet.client.run() })
      services.append(FleetService(fleet: fleet) { gateway.current.lanes.values.compactMap { live in live.rate.map { (live.lane.lane, $0) } } })
      if let hints = workshop.hints { services.append(BackgroundService { await hints.run() }) }
      services.append(BackgroundService { await workshop.changes.run() })
    }
    services.append(BackgroundService { await workshop.cache.memory.run(time: time) })
    // Answers were paid for: those that wait are written before Redis is let go.
    services.append(DrainingService(body: { await workshop.writer.run() }, close: { workshop.writer.close() }))
    services.append(
      BackgroundService {
        await workshop.upstreamJobs.run()
        await forwarder?.shutdown()
      })
    services.append(
      BackgroundService {
        await withDiscardingTaskGroup { group in
          // Children of the service: it ends when the lanes and the flights in them have.
          group.addTask { await workshop.laneJobs.run() }
          group.addTask { await workshop.flights.run() }
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

  private static func front(
    _ listen: Settings.Listen, _ gateway: GatewaySwitch, _ registry: MetricsRegistry, _ readiness: Readiness, _ usage: UsagePage,
    _ purges: CachePurges, fleet: FrontFleet?, time: any TimeSource, logger: Logger
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
    hooks.onSessionEnd = { session in for upstream in gateway.current.upstreams.values { upstream.family.sessionEnded(session) } }
    hooks.readiness = { FrontHooks.Readiness(isReady: readiness.isReady, json: readiness.json) }
    let requests = RequestCounter(registry)
    hooks.onRequest = { route, status in requests.count(route, status: status) }
    return Front(configuration: configuration, gateway: gateway, hooks: hooks, fleet: fleet, time: time, logger: logger)
  }

  private static func collect(
    _ registry: MetricsRegistry, _ cache: TieredStore<CallResult>, _ writer: SharedWriter, _ flights: Flights<CacheKey, Fetched>,
    _ gateway: GatewaySwitch, _ reloader: Reloader, _ redis: RedisClient?, _ front: Front, time: any TimeSource
  ) {
    registry.collect(Collectors.process())
    registry.collect(Collectors.cache(cache, writer: writer))
    registry.collect(Collectors.purges(cache.purges, isShared: redis != nil, time: time))
    registry.collect(Collectors.flights(flights))
    // Of whatever lanes and upstreams there are when somebody asks.
    registry.collect { page in
      let lanes = gateway.current.lanes
      for name in lanes.keys.sorted() { if let live = lanes[name] { Collectors.lane(live.lane.lane, time: time)(&page) } }
      for name in lanes.keys.sorted() { if let rate = lanes[name]?.rate { Collectors.rate(rate, of: name)(&page) } }
    }
    registry.collect { page in Collectors.upstreams(gateway.current.directory)(&page) }
    registry.collect(Collectors.reloads(reloader))
    registry.collect(Collectors.front(front))
    if let redis { registry.collect(Collectors.redis(redis)) }
  }
}
