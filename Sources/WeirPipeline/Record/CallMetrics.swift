package import WeirCore

/// The metrics of calls. Labels are the operator's names (tenant, upstream, provider) and closed lists, never anything from a request.
package struct CallMetrics: Sendable {
  let calls: MetricFamily<Counter>
  let relayed: MetricFamily<Counter>
  let callSeconds: MetricFamily<DurationHistogram>
  let stageSeconds: MetricFamily<DurationHistogram>
  let upstreamRequests: MetricFamily<Counter>
  let upstreamSeconds: MetricFamily<DurationHistogram>
  let upstreamCost: MetricFamily<Counter>
  let savedCost: MetricFamily<Counter>
  let savedRequests: MetricFamily<Counter>
  let fleetFlights: MetricFamily<Counter>
  let leaseTakeovers: MetricFamily<Counter>
  let fleetWakeups: MetricFamily<Counter>

  package init(_ registry: MetricsRegistry) {
    calls = registry.counter(
      "weir_calls_total", "Tool calls by how they were answered.", labels: ["tenant", "upstream", "provider", "outcome"])
    relayed = registry.counter(
      "weir_relayed_requests_total", "Requests about resources, prompts, completions and tasks by how they were answered.",
      labels: ["tenant", "upstream", "method", "outcome"])
    callSeconds = registry.histogram(
      "weir_call_duration_seconds", "Time from the parsed request to the answer, by outcome.", labels: ["outcome"])
    stageSeconds = registry.histogram("weir_stage_duration_seconds", "Time spent in one stage of the pipeline.", labels: ["stage"])
    upstreamRequests = registry.counter(
      "weir_upstream_calls_total", "Calls sent to upstreams, by how they ended.", labels: ["upstream", "provider", "result"])
    upstreamSeconds = registry.histogram("weir_upstream_call_duration_seconds", "How long upstreams took to answer.", labels: ["upstream"])
    upstreamCost = registry.counter(
      "weir_upstream_cost_usd_total", "What the providers' requests cost, by the price of each provider.",
      labels: ["tenant", "provider"], scale: 1e-6)
    savedCost = registry.counter(
      "weir_saved_cost_usd_total", "What answers would have cost that no request was sent for.", labels: ["tenant", "provider", "how"], scale: 1e-6)
    savedRequests = registry.counter(
      "weir_saved_requests_total", "Provider requests that were not sent.", labels: ["tenant", "provider", "how"])
    fleetFlights = registry.counter(
      "weir_fleet_flights_total", "Flights by what they did about those of other replicas.", labels: ["result"])
    leaseTakeovers = registry.counter(
      "weir_fleet_lease_takeovers_total", "Flights that asked since another replica's ended without an answer.")
    fleetWakeups = registry.counter(
      "weir_fleet_wakeups_total", "Looks of flights that wait for another replica's, by what woke them.", labels: ["source"])
  }
}

/// The stages that take time of their own.
enum Stage: String {
  case lookup, redis, queue, fetch, store
}
