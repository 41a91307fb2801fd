import Logging
import WeirBilling
import WeirCache
import WeirCore
import WeirFlow
import WeirJSON
import WeirMCP
import WeirPipeline
import WeirTenancy
import WeirTestSupport

/// A pipeline over scripted upstreams, with two tenants, running while `body` does.
struct Scene: Sendable {
  let pipeline: Pipeline
  let directory: ToolDirectory
  let flights: Flights<CacheKey, Fetched>
  let cache: TieredStore<CallResult>
  let registry: MetricsRegistry
  let usage: UsageLedger
  let time: ManualTime
  let lane: Lane
  let alice: Identified
  let bob: Identified
  let bobsColleague: Identified

  func call(
    _ name: Name, _ arguments: String = "{}", by caller: Identified? = nil, at endpoint: Endpoint = .aggregate, members: String = "",
    onProgress: (@Sendable (CallProgress) -> Void)? = nil
  ) async throws -> CallReply {
    switch try step(name, arguments, by: caller, at: endpoint, members: members) {
    case .finished(let reply): return reply
    case .pending(let pending): return await pending.reply(to: CallListener(onProgress: onProgress))
    }
  }

  func step(
    _ name: Name, _ arguments: String = "{}", by caller: Identified? = nil, at endpoint: Endpoint = .aggregate, members: String = ""
  ) throws -> CallStep {
    let params = try JSONDocument(parsing: Array(#"{"name":"x","arguments":\#(arguments)\#(members)}"#.utf8)).root
    let call = ReceivedCall(endpoint: endpoint, name: name, params: params, receivedAt: time.now())
    return pipeline.call(call, by: caller ?? alice)
  }

  func metric(_ line: String) -> Bool {
    String(decoding: registry.page(), as: UTF8.self).split(separator: "\n").contains { $0 == line }
  }
}

extension CallReply {
  var text: String? {
    guard case .result(let result, _) = body else { return nil }
    return (try? JSONDocument(parsing: result.bytes))?.root["content"]?[0]?["text"]?.string
  }

  var provenance: JSONValue? {
    guard case .result(_, let provenance?) = body else { return nil }
    return (try? JSONDocument(parsing: provenance))?.root
  }

  var error: CallError? {
    guard case .failure(let error) = body else { return nil }
    return error
  }
}

func textResult(_ text: String, isError: Bool = false) -> String {
  #"{"content":[{"type":"text","text":"\#(text)"}],"isError":\#(isError)}"#
}

func tool(_ name: Name) -> ToolDefinition {
  ToolDefinition(name: name, json: Array(#"{"name":"\#(name)","inputSchema":{"type":"object"}}"#.utf8), readOnlyHint: false, digest: Array(name.utf8))
}

struct SceneOptions: Sendable {
  var policy = UpstreamPolicy(rules: [CacheRule(tool: "get*", freshness: Freshness(fresh: .minutes(10), stale: .minutes(60)))])
  var share = SharingClass.tenant
  var callTimeout = Duration.seconds(60)
  var lane = LaneConfiguration(concurrency: 100)
  var price = MicroUSD(10_000)
  var shared: SharedShelf?
  /// What it shares with other scenes.
  var fleet: LeaseShelf?
  var widens = true
  var derivesSums = false
  let log = LogLines(level: .debug)
}

/// A shared store in the test's hands: what lies in it, for how long, and a gate before its writes.
actor SharedShelf: SharedStore {
  private var values: [CacheKey: ([UInt8], Duration)] = [:]
  private let writesWait: Gate?
  private(set) var writes = 0

  init(writesWait: Gate? = nil) {
    self.writesWait = writesWait
  }

  func get(_ key: CacheKey) -> SharedRead { values[key].map { .found($0.0, remaining: $0.1) } ?? .missing }

  func put(_ key: CacheKey, _ bytes: [UInt8], ttl: Duration) async -> Bool {
    await writesWait?.wait()
    values[key] = (bytes, ttl)
    writes += 1
    return true
  }

  func remove(_ key: CacheKey) -> Bool {
    values[key] = nil
    return true
  }

  /// Lets so much of every entry's time pass.
  func age(by duration: Duration) {
    values = values.mapValues { ($0.0, $0.1 - duration) }
  }
}

func withScene(_ upstreams: ScriptedUpstream..., options: SceneOptions = SceneOptions(), _ body: (Scene) async throws -> Void) async throws {
  let time = ManualTime()
  let registry = MetricsRegistry()
  let settings = upstreams.map {
    UpstreamSettings(
      name: $0.name, credential: "service", policy: options.policy, provider: "provider", share: options.share, callTimeout: options.callTimeout,
      widens: options.widens, derivesSums: options.derivesSums)
  }
  let directory = ToolDirectory(upstreams: settings)
  for upstream in upstreams { directory.upstream(upstream.name, offers: UpstreamCatalog(tools: [tool("get"), tool("get_other"), tool("set")])) }
  func digest(_ key: String) -> KeyDigest { APIKey.digest(of: Array(key.utf8)) }
  let tenants = TenantDirectory(tenants: [
    Tenant(name: "a", keys: [.init(name: "alice", digest: digest("alice"))], allow: ["*"].compactMap { ToolPattern($0) }),
    Tenant(
      name: "b", keys: [.init(name: "bob", digest: digest("bob")), .init(name: "bea", digest: digest("bea"))],
      allow: ["up/get*"].compactMap { ToolPattern($0) }),
  ])
  let cache = TieredStore<CallResult>(
    memory: MemoryStore(limits: MemoryLimits(maxBytes: 64 << 20, maxEntryBytes: 1 << 20), cores: 2), shared: options.fleet ?? options.shared,
    leases: options.fleet, time: time,
    encode: { $0.bytes },
    decode: { try? CallResult(storedNormalized: $0) })
  let writer = SharedWriter(cache: cache)
  let flights = Flights<CacheKey, Fetched>(time: time)
  let usage = UsageLedger(time: time)
  let lane = Lane(name: "provider", configuration: options.lane, time: time, jitter: { 0 })
  let pipeline = Pipeline(
    tenants: tenants, directory: directory, upstreams: upstreams, lanes: ["provider": ProviderLane(lane: lane, price: options.price)], cache: cache,
    writer: writer, flights: flights,
    recorder: CallRecorder(metrics: CallMetrics(registry), usage: usage, logger: Logger(label: "test") { _ in options.log }), time: time)
  func identify(_ key: String) throws -> Identified { try pipeline.authenticate(.bearer(Array(key.utf8))) }
  let scene = Scene(
    pipeline: pipeline, directory: directory, flights: flights, cache: cache, registry: registry, usage: usage, time: time, lane: lane,
    alice: try identify("alice"),
    bob: try identify("bob"), bobsColleague: try identify("bea"))
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { await flights.run() }
    group.addTask { await writer.run() }
    group.addTask { await lane.run() }
    await flights.started()
    await lane.started()
    try await body(scene)
    group.cancelAll()
  }
}
