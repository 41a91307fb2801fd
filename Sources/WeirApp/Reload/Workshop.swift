internal import Logging
internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirFleet
internal import WeirFlow
internal import WeirHTTPClient
internal import WeirMCP
internal import WeirPipeline
internal import WeirTenancy
internal import WeirUpstream

/// Makes generations of what the configuration says, and has what outlives all of them: memory, flights, metrics, seals, watches.
struct Workshop: Sendable {
  let program: String
  /// Nil where there is no Redis.
  let fleet: Fleet?
  let cache: TieredStore<CallResult>
  let writer: SharedWriter
  let flights: Flights<CacheKey, Fetched>
  let recorder: CallRecorder
  let sealer: Sealer
  /// What other replicas are told of upstreams; nil where there are none.
  let hints: ChangeHints?
  /// What the clients of this replica are told.
  let changes: Announcements
  let watches = WatchBook()
  /// Where upstreams run, and where lanes do: those end before these.
  let upstreamJobs = Jobs()
  let laneJobs = Jobs()
  let time: any TimeSource
  let logger: Logger

  /// What these settings say. What is as it was in `former` is taken over while it runs; all else is new, and runs from now on.
  func make(_ settings: Settings, number: Int, after former: Generation? = nil) -> Generation {
    let directory = ToolDirectory(upstreams: settings.upstreams.map(Self.pipelineSettings)) { [changes] in
      changes.announce($1, of: $0, from: number)
    }
    var upstreams: [Name: LiveUpstream] = [:]
    for upstream in settings.upstreams {
      let known = former?.upstreams[upstream.name].flatMap { $0.connection == upstream.connection ? $0 : nil }
      let live = known ?? start(upstream)
      live.feed.connect(directory, as: upstream.name)
      upstreams[upstream.name] = live
    }
    var lanes: [Name: LiveLane] = [:]
    for (name, provider) in settings.providers {
      lanes[name] = lane(provider, tenants: settings.tenants.count, after: former?.lanes[name])
    }
    let pipeline = Pipeline(
      tenants: settings.tenants.isEmpty ? .local : TenantDirectory(tenants: settings.tenants), directory: directory,
      upstreams: upstreams.values.map(\.family), lanes: lanes.mapValues(\.lane), cache: cache, writer: writer, flights: flights, recorder: recorder,
      time: time, sealer: sealer, watches: watches, after: former?.pipeline)
    return Generation(number: number, settings: settings, directory: directory, upstreams: upstreams, lanes: lanes, pipeline: pipeline)
  }

  private func start(_ upstream: Settings.Upstream) -> LiveUpstream {
    let feed = UpstreamFeed(logger: logger) { [changes, watches, hints] in
      changes.updated(watches.changed($1, of: $0))
      hints?.updated($0, $1)
    } onAnnouncement: { [hints] in
      hints?.announced($0, isListed: $1)
    }
    let factory = UpstreamFactory(program: program, observer: feed, time: time, logger: logger)
    let (family, client) = factory.makeFamily(upstream)
    let job = upstreamJobs.start {
      await family.run()
      await client?.shutdown()
    }
    return LiveUpstream(family: family, feed: feed, connection: upstream.connection, job: job)
  }

  private func lane(_ provider: Settings.Provider, tenants: Int, after former: LiveLane?) -> LiveLane {
    var configuration = Self.configuration(provider, tenants: tenants)
    let merging = provider.merges ? MergeLimits() : nil
    if let former {
      // The lane goes on, with all that was spent and asked for: only its limits are others.
      if former.provider != provider || former.tenants != tenants, !former.lane.lane.change(to: configuration) {
        logger.warning("provider \(provider.name): budgets that are added, taken away or have another period hold from the next start on")
      }
      if former.rate != nil, former.provider.limits != provider.limits || former.provider.withoutRedis != provider.withoutRedis {
        logger.warning("provider \(provider.name): limits that replicas share hold from the next start on")
      }
      let lane = ProviderLane(lane: former.lane.lane, price: provider.price, merging: merging, linger: provider.linger)
      return LiveLane(provider: provider, tenants: tenants, lane: lane, rate: former.rate, job: former.job)
    }
    let rate = fleet.map { fleet in
      SharedRate(
        provider: provider.name, settings: SharedRateSettings(limits: provider.limits, withoutRedis: provider.withoutRedis), fleet: fleet, time: time,
        logger: logger)
    }
    configuration.sharesBudgets = rate != nil
    let lane = Lane(
      name: provider.name, configuration: configuration, time: rate?.time ?? time, limiter: rate?.limiter,
      onBudget: { [logger] in logger.warning("provider \(provider.name): \($0.message)") }, onClaim: { rate?.claim() })
    let job = laneJobs.start {
      await withDiscardingTaskGroup { group in
        group.addTask { await lane.run() }
        if let rate { group.addTask { await rate.run(for: lane) } }
      }
    }
    let live = ProviderLane(lane: lane, price: provider.price, merging: merging, linger: provider.linger)
    return LiveLane(provider: provider, tenants: tenants, lane: live, rate: rate, job: job)
  }

  private static func configuration(_ provider: Settings.Provider, tenants: Int) -> LaneConfiguration {
    // A quarter of the places stays free of any one tenant, so that calls that hang don't hold up the others.
    let share = tenants > 1 ? provider.concurrency - max(1, provider.concurrency / 4) : provider.concurrency
    return LaneConfiguration(
      limits: provider.limits, concurrency: provider.concurrency, tenantConcurrency: share, budgets: provider.budget.map { [$0] } ?? [],
      tenantBudgets: provider.tenantBudgets.mapValues { [$0] })
  }

  private static func pipelineSettings(_ upstream: Settings.Upstream) -> UpstreamSettings {
    UpstreamSettings(
      name: upstream.name, credential: UpstreamFactory.credential(of: upstream), policy: upstream.policy, provider: upstream.provider,
      share: upstream.share, toolShares: upstream.toolShares, tags: upstream.tags, toolTags: upstream.toolTags,
      callTimeout: upstream.callTimeout, resourceTTL: upstream.resourceTTL,
      sharesSessions: upstream.isolation == .shared,
      reusesBuckets: upstream.reusesBuckets, widens: upstream.widens, derivesSums: upstream.derivesSums)
  }
}
