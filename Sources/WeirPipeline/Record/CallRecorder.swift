package import Logging
internal import NIOConcurrencyHelpers
internal import WeirCore
internal import WeirTenancy

/// Writes down every call, once, when it is answered: metrics, and one log line at debug. No arguments, no results, no secrets.
package final class CallRecorder: Sendable {
  private struct SeriesKey: Hashable {
    let tenant: Name
    let upstream: Name
    let provider: Name
    let outcome: CallOutcome
  }

  private struct SentKey: Hashable {
    let upstream: Name
    let provider: Name
    /// One of few words.
    let result: Name
  }

  private struct SentSeries {
    let requests: Counter
    let seconds: DurationHistogram
  }

  let metrics: CallMetrics
  private let usage: UsageLedger
  private let logger: Logger
  private let series = NIOLockedValueBox<[SeriesKey: Counter]>([:])
  private let sent = NIOLockedValueBox<[SentKey: SentSeries]>([:])
  private let durations: [CallOutcome: DurationHistogram]
  private let stages: [Stage: DurationHistogram]

  package init(metrics: CallMetrics, usage: UsageLedger, logger: Logger) {
    self.metrics = metrics
    self.usage = usage
    self.logger = logger
    self.durations = Dictionary(uniqueKeysWithValues: CallOutcome.allCases.map { ($0, metrics.callSeconds.with($0.rawValue)) })
    let stages: [Stage] = [.lookup, .redis, .queue, .fetch, .store]
    self.stages = Dictionary(uniqueKeysWithValues: stages.map { ($0, metrics.stageSeconds.with($0.rawValue)) })
  }

  func observe(_ stage: Stage, _ duration: Duration) { stages[stage]?.observe(duration) }

  func flew(_ end: FleetFlightEnd) { metrics.fleetFlights.with(end.rawValue).add() }
  func tookOver() { metrics.leaseTakeovers.with().add() }
  func woken(by source: FleetWakeUp) { metrics.fleetWakeups.with(source.rawValue).add() }

  /// A call that reached a tool was answered.
  func answered(_ permitted: Permitted, outcome: CallOutcome, after duration: Duration, saved: (requests: Int, cost: MicroUSD)) {
    let key = SeriesKey(
      tenant: permitted.caller.tenant, upstream: permitted.route.settings.name, provider: permitted.provider, outcome: outcome)
    counter(key).add()
    durations[outcome]?.observe(duration)
    if saved.requests > 0, let kind = SavingKind(outcome) {
      metrics.savedRequests.with(key.tenant.string, key.provider.string, kind.rawValue).add(Int64(saved.requests))
      metrics.savedCost.with(key.tenant.string, key.provider.string, kind.rawValue).add(saved.cost.amount)
    }
    usage.record(Self.usageKey(permitted), outcome: outcome, saving: Saving(requests: Int64(saved.requests), cost: saved.cost))
    logger.debug(
      "call answered",
      metadata: [
        "tenant": "\(key.tenant)", "principal": "\(permitted.caller.principal)", "upstream": "\(key.upstream)",
        "tool": "\(permitted.route.recordedName)",
        "provider": "\(key.provider)", "outcome": "\(outcome.rawValue)", "seconds": "\(duration.inSeconds)",
      ])
  }

  /// A call was refused before a tool was reached. `route` is nil where the name is nobody's; it is not written down then.
  func refused(_ error: CallError, by caller: Identified, at endpoint: Endpoint, route: ToolRoute?) {
    counter(SeriesKey(tenant: caller.tenant, upstream: "none", provider: "none", outcome: .refused)).add()
    var upstream: Name = "none"
    if case .upstream(let name) = endpoint { upstream = name }
    logger.debug(
      "call refused",
      metadata: [
        "tenant": "\(caller.tenant)", "principal": "\(caller.principal)", "upstream": "\(route?.settings.name ?? upstream)",
        "tool": "\(route?.recordedName ?? "unlisted")", "reason": "\(error.reason.rawValue)",
      ])
  }

  /// A request that is no tool call was answered. `upstream` is nil where none had it.
  func relayed(_ method: RelayedRequest.Method, upstream: Name?, tenant: Name, outcome: CallOutcome, after duration: Duration) {
    metrics.relayed.with(tenant.string, upstream?.string ?? "none", method.name, outcome.rawValue).add()
    logger.debug(
      "request answered",
      metadata: [
        "tenant": "\(tenant)", "upstream": "\(upstream ?? "none")", "method": "\(method.name)", "outcome": "\(outcome.rawValue)",
        "seconds": "\(duration.inSeconds)",
      ])
  }

  private static func usageKey(_ permitted: Permitted) -> UsageKey {
    UsageKey(
      tenant: permitted.caller.tenant, upstream: permitted.route.settings.name, provider: permitted.provider, tool: permitted.route.recordedName)
  }

  /// A call was sent to an upstream and ended. `requests` is how many the provider got for it.
  func sent(_ permitted: Permitted, result: String, after duration: Duration, requests: Int, cost: MicroUSD) {
    usage.sent(Self.usageKey(permitted), requests: requests, cost: cost)
    let series = sentSeries(SentKey(upstream: permitted.route.settings.name, provider: permitted.provider, result: Name(result)))
    series.requests.add()
    series.seconds.observe(duration)
    if cost > .zero { metrics.upstreamCost.with(permitted.caller.tenant.string, permitted.provider.string).add(cost.amount) }
  }

  private func sentSeries(_ key: SentKey) -> SentSeries {
    sent.withLockedValue { sent in
      if let known = sent[key] { return known }
      let upstream = key.upstream.string
      let new = SentSeries(
        requests: metrics.upstreamRequests.with(upstream, key.provider.string, key.result.string), seconds: metrics.upstreamSeconds.with(upstream))
      sent[key] = new
      return new
    }
  }

  private func counter(_ key: SeriesKey) -> Counter {
    series.withLockedValue { series in
      if let known = series[key] { return known }
      let new = metrics.calls.with(key.tenant.string, key.upstream.string, key.provider.string, key.outcome.rawValue)
      series[key] = new
      return new
    }
  }
}
