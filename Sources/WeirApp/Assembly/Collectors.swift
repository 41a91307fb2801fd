package import WeirCache
package import WeirCore
package import WeirFleet
package import WeirFlow
package import WeirMCP
package import WeirPipeline
package import WeirRedis
package import WeirServer

/// Reads the numbers that components keep, whenever the page of metrics is asked for.
package enum Collectors {
  package static func cache(_ store: TieredStore<CallResult>, writer: SharedWriter) -> @Sendable (inout MetricsPage) -> Void {
    { page in
      let stats = store.memory.stats
      page.gauge("weir_memory_cache_bytes", "Bytes of answers kept in memory, with their overhead.", [], Double(stats.bytes))
      page.gauge("weir_memory_cache_entries", "Answers kept in memory.", [], Double(stats.entries))
      for reason in CacheEviction.allCases {
        page.counter(
          "weir_memory_cache_evictions_total", "Answers that left memory.", [("reason", reason.rawValue)], Double(stats.evicted[reason]))
      }
      for reason in CacheRejection.allCases {
        page.counter(
          "weir_memory_cache_rejections_total", "Answers that were not kept in memory.", [("reason", reason.rawValue)],
          Double(stats.rejected[reason]))
      }
      guard store.hasSharedStore else { return }
      page.counter("weir_redis_cache_skipped_writes_total", "Answers not written to Redis since too many waited.", [], Double(writer.droppedCount))
      let tally = store.tally
      let reads = "Answers looked for in Redis."
      page.counter("weir_redis_cache_reads_total", reads, [("result", "found")], Double(tally.found))
      page.counter("weir_redis_cache_reads_total", reads, [("result", "missing")], Double(tally.missing))
      page.counter("weir_redis_cache_reads_total", reads, [("result", "unavailable")], Double(tally.unavailable))
      page.counter(
        "weir_redis_cache_purged_values_total", "Values read from Redis that were purged since they were asked for; each was a miss.", [],
        Double(tally.purged))
      let writes = "Answers written to Redis."
      page.counter("weir_redis_cache_writes_total", writes, [("result", "written")], Double(tally.written))
      page.counter("weir_redis_cache_writes_total", writes, [("result", "failed")], Double(tally.unwritten))
      page.counter("weir_redis_cache_writes_total", writes, [("result", "too_large")], Double(tally.tooLarge))
      let wrong = "Values read from Redis that were no answer to the question; each was a miss."
      for reason in EnvelopeFailure.allCases {
        page.counter("weir_redis_cache_wrong_values_total", wrong, [("reason", reason.rawValue)], Double(tally.failures[reason]))
      }
      page.counter("weir_redis_cache_wrong_values_total", wrong, [("reason", "undecodable")], Double(tally.undecodable))
    }
  }

  package static func flights<Key, Value>(_ flights: Flights<Key, Value>) -> @Sendable (inout MetricsPage) -> Void {
    { page in
      let stats = flights.stats
      page.gauge("weir_flights", "Fetches under way that identical calls join.", [], Double(stats.flights))
      page.gauge("weir_flight_waiters", "Calls that wait for a flight.", [], Double(stats.waiters))
      let help = "Calls that met a flight, by what they did."
      page.counter("weir_flight_calls_total", help, [("role", "led")], Double(stats.led))
      page.counter("weir_flight_calls_total", help, [("role", "joined")], Double(stats.joined))
      page.counter("weir_flight_calls_total", help, [("role", "refresh")], Double(stats.refreshed))
      let ends = "Flights and waiters that ended without an answer."
      page.counter("weir_flight_ends_total", ends, [("reason", "abandoned")], Double(stats.abandoned))
      page.counter("weir_flight_ends_total", ends, [("reason", "flight_timed_out")], Double(stats.flightsTimedOut))
      page.counter("weir_flight_ends_total", ends, [("reason", "waiter_timed_out")], Double(stats.waitersTimedOut))
      page.counter("weir_flight_ends_total", ends, [("reason", "waiter_left")], Double(stats.left))
    }
  }

  package static func lane(_ lane: Lane, time: any TimeSource) -> @Sendable (inout MetricsPage) -> Void {
    { page in
      let stats = lane.stats
      let provider = ("provider", lane.name.string)
      page.gauge("weir_queue_depth", "Calls that wait for their turn at the provider.", [provider], Double(stats.depth))
      page.gauge("weir_permits_in_use", "Requests at the provider now.", [provider], Double(stats.permitsInUse))
      page.gauge("weir_permits", "Requests that may be at the provider at once.", [provider], Double(stats.concurrency))
      for (number, window) in stats.windows.enumerated() {
        page.gauge(
          "weir_tokens_available", "Requests that the rate limit would let go at once.", [provider, ("window", String(number + 1))],
          Double(window.available))
      }
      let pause = stats.pausedUntil.map { max(0, ($0 - time.now()).inSeconds) } ?? 0
      page.gauge("weir_provider_pause_seconds", "How long the lane still waits because the provider throttled.", [provider], pause)
      for budget in stats.budgets {
        let tenant = if case .tenant(let name) = budget.owner { name.string } else { "" }
        let labels = [provider, ("period", "\(budget.limit.period.rawValue)"), ("tenant", tenant)]
        page.gauge("weir_budget_requests_used", "Requests of the running budget period.", labels, Double(budget.requests))
        page.gauge("weir_budget_cost_used_usd", "Money of the running budget period.", labels, budget.money.dollars)
        if let most = budget.limit.requests {
          page.gauge("weir_budget_requests_limit", "Requests that a budget period may have.", labels, Double(most))
        }
        if let most = budget.limit.money {
          page.gauge("weir_budget_cost_limit_usd", "Money that a budget period may have.", labels, most.dollars)
        }
      }
      let help = "Requests for a permit, by how they ended."
      page.counter("weir_lane_requests_total", help, [provider, ("result", "granted")], Double(stats.granted))
      page.counter("weir_lane_requests_total", help, [provider, ("result", "merged")], Double(stats.merged))
      page.counter("weir_lane_requests_total", help, [provider, ("result", "refused")], Double(stats.refused))
      page.counter("weir_lane_requests_total", help, [provider, ("result", "expired")], Double(stats.expired))
      page.counter("weir_lane_requests_total", help, [provider, ("result", "cancelled")], Double(stats.cancelled))
      page.counter("weir_provider_throttles_total", "Answers by which the provider said that it was too much.", [provider], Double(stats.throttles))
    }
  }

  package static func rate(_ rate: SharedRate, of provider: Name) -> @Sendable (inout MetricsPage) -> Void {
    { page in
      let stats = rate.stats
      let provider = ("provider", provider.string)
      page.gauge(
        "weir_rate_limit_degraded", "1 while rate limit and budgets are not shared since Redis does not answer.", [provider], stats.isAlone ? 1 : 0)
      page.counter("weir_rate_limit_losses_total", "How often rate limit and budgets ceased to be shared.", [provider], Double(stats.losses))
      page.counter("weir_rate_limit_calls_total", "Calls to Redis about rate limit and budgets.", [provider], Double(stats.calls))
      page.counter("weir_rate_limit_stranded_total", "Tokens that Redis gave out and nobody used in time.", [provider], Double(stats.stranded))
    }
  }

  package static func upstreams(_ directory: ToolDirectory) -> @Sendable (inout MetricsPage) -> Void {
    { page in
      let snapshot = directory.snapshot
      for name in directory.upstreamNames {
        let isUp = snapshot.state(of: name) == .ready
        page.gauge("weir_upstream_up", "1 where the upstream can be called.", [("upstream", name.string)], isUp ? 1 : 0)
        let tools = snapshot.routes(at: .upstream(name)).count
        page.gauge("weir_upstream_tools", "Tools that the upstream lists.", [("upstream", name.string)], Double(tools))
      }
    }
  }

  package static func redis(_ client: RedisClient) -> @Sendable (inout MetricsPage) -> Void {
    { page in
      let stats = client.stats
      page.gauge(
        "weir_redis_breaker_open", "1 while a server is not asked, since it failed, was slow or is silent.", [], stats.state == .open ? 1 : 0)
      page.gauge("weir_redis_connections", "Connections to Redis that are up.", [], Double(stats.connections))
      page.gauge("weir_redis_pending_commands", "Commands that wait for their reply.", [], Double(stats.pending))
      page.counter("weir_redis_commands_total", "Commands asked for, sent or not.", [], Double(stats.commands))
      for code in RedisError.Code.allCases {
        page.counter(
          "weir_redis_failures_total", "Commands without a reply, by reason.", [("reason", code.rawValue)], Double(stats.failures[code] ?? 0))
      }
      page.counter(
        "weir_redis_discarded_replies_total", "Late replies thrown away because nobody waited for them.", [], Double(stats.discardedReplies))
      page.counter("weir_redis_reconnects_total", "Connections made again.", [], Double(stats.reconnects))
      page.counter("weir_redis_breaker_openings_total", "How often a breaker opened.", [], Double(stats.breakerOpenings))
      page.gauge("weir_redis_servers", "Servers that are asked: one, or those of a cluster.", [], Double(stats.servers))
      page.counter("weir_redis_redirections_total", "Commands that a cluster sent elsewhere or to try again.", [], Double(stats.redirections))
      page.counter("weir_redis_topology_changes_total", "How often another primary took over or slots moved.", [], Double(stats.topologyChanges))
      page.counter("weir_redis_messages_total", "Messages that came for subscriptions.", [], Double(stats.messages))
      page.counter("weir_redis_missed_messages_total", "How often messages may have been missed.", [], Double(stats.missedMessages))
    }
  }

  static func reloads(_ reloader: Reloader) -> @Sendable (inout MetricsPage) -> Void {
    { page in
      let tally = reloader.tally
      let help = "How often the configuration was read again (SIGHUP), by what came of it."
      page.counter("weir_config_reloads_total", help, [("result", "changed")], Double(tally.succeeded))
      page.counter("weir_config_reloads_total", help, [("result", "refused")], Double(tally.refused))
      let seconds = Double(tally.readAt.milliseconds) / 1000
      page.gauge("weir_config_read_timestamp_seconds", "When the configuration that holds was read, in seconds since 1970.", [], seconds)
    }
  }

  package static func front(_ front: Front) -> @Sendable (inout MetricsPage) -> Void {
    { page in
      let stats = front.stats
      page.gauge("weir_connections", "Connections of clients that are open.", [], Double(stats.connections))
      page.gauge("weir_event_streams", "Event streams to clients that are open.", [], Double(stats.streams))
      page.gauge("weir_waiting_answer_bytes", "Bytes of answers that wait for clients to take them.", [], Double(stats.bufferedAnswerBytes))
      page.gauge("weir_sessions", "Sessions of clients of the revisions up to 2025-11-25.", [], Double(stats.sessions))
      page.gauge("weir_adopted_sessions", "Sessions that another replica opened and that were used here lately.", [], Double(stats.adoptedSessions))
      page.counter(
        "weir_dropped_notifications_total", "Notifications that a client's full stream had no room for.", [], Double(stats.droppedNotifications))
      for reason in Refusal.Reason.allCases {
        page.counter(
          "weir_refused_requests_total", "Requests and connections that the front refused, by reason.", [("reason", reason.rawValue)],
          Double(stats.refused[reason] ?? 0))
      }
    }
  }

  package static func process() -> @Sendable (inout MetricsPage) -> Void {
    { page in
      page.gauge("weir_build_info", "Always 1; the label is the version.", [("version", Version.current)], 1)
      if let bytes = Machine.residentBytes { page.gauge("process_resident_memory_bytes", "Resident memory of this process.", [], Double(bytes)) }
    }
  }
}
