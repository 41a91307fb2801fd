internal import Logging
internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirFlow
internal import WeirHTTPClient
internal import WeirPipeline
internal import WeirTenancy

/// What `weir check` does: reads the configuration, starts every upstream, and says which tools there are and what Weir will do with each.
package struct CheckCommand: Sendable {
  private let settings: Settings
  private let file: String
  private let time = SystemTime()
  private let write: @Sendable (String) -> Void

  /// - Parameter write: takes each line as it comes.
  /// - Throws: `SettingsError`.
  package init(file: String, write: @escaping @Sendable (String) -> Void) throws(SettingsError) {
    self.settings = try SettingsFile.read(file)
    self.file = file
    self.write = write
  }

  /// - Parameter isOffline: stop after the file, start nothing.
  /// - Returns: false where an upstream could not be reached.
  /// - Throws: `SettingsError` for what can't be made of the settings.
  package func run(isOffline: Bool) async throws -> Bool {
    LoggingSystem.bootstrap { _ in LineLogHandler(level: .critical) }
    write("\(file): read; \(settings.upstreams.count) upstreams, \(settings.providers.count) providers, \(settings.tenants.count) tenants")
    for name in settings.providers.keys.sorted() { if let provider = settings.providers[name] { write(describe(provider)) } }
    for tenant in settings.tenants {
      write("tenant \(tenant.name): \(tenant.keys.count) keys, may call \(tenant.allow.map(\.description).joined(separator: ", "))")
    }
    if isOffline { return true }
    var isComplete = true
    for (number, upstream) in settings.upstreams.enumerated() {
      write("[\(number + 1)/\(settings.upstreams.count)] upstream \(upstream.name): starting, at most \(Int(upstream.startTimeout.inSeconds)) s …")
      isComplete = try await check(upstream) && isComplete
    }
    write(isComplete ? "all upstreams answer" : "some upstreams don't answer; Weir would start all the same and take them in when they come")
    return isComplete
  }

  private func check(_ upstream: Settings.Upstream) async throws -> Bool {
    let started = time.now()
    let listener = CatalogListener()
    let factory = UpstreamFactory(program: Machine.program, observer: listener, time: time, logger: Logger(label: "weir.check"))
    let (made, client) = factory.make(upstream)
    let catalog = await withTaskGroup(of: UpstreamCatalog?.self) { group in
      // Three children, of which the first to end decides: the group cancels and awaits the others.
      group.addTask {
        await made.run()
        return nil
      }
      group.addTask { await listener.catalog() }
      group.addTask { [time] in
        try? await time.sleep(until: started + upstream.startTimeout)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    await client?.shutdown()
    guard let catalog else {
      if case .down(let reason) = made.state { write("    is down: \(reason)") } else { write("    has not answered in time") }
      return false
    }
    let tenths = Int((time.now() - started).inSeconds * 10)
    write("    ready after \(tenths / 10).\(tenths % 10) s, \(catalog.tools.count) tools")
    for tool in catalog.tools { write("    \(describe(tool, of: upstream))") }
    return true
  }

  private func describe(_ tool: ToolDefinition, of upstream: Settings.Upstream) -> String {
    let settings = UpstreamSettings(
      name: upstream.name, credential: "check", policy: upstream.policy, provider: upstream.provider, share: upstream.share,
      toolShares: upstream.toolShares, callTimeout: upstream.callTimeout)
    return "\(tool.name): \(upstream.policy.describe(tool)), shared by \(settings.share(of: tool.name).description)"
  }

  private func describe(_ provider: Settings.Provider) -> String {
    var parts = provider.limits.map { "\($0.count) per \(Int($0.period.inSeconds)) s (\($0.burst) at once)" }
    if parts.isEmpty { parts.append("no rate limit") }
    parts.append("\(provider.concurrency) at a time")
    if provider.price > .zero { parts.append("\(provider.price.dollars) USD a request") }
    if let budget = provider.budget {
      let amount = budget.requests.map { "\($0) requests" } ?? budget.money.map { "\($0.dollars) USD" } ?? ""
      parts.append("budget \(amount) a \(budget.period.rawValue)")
    }
    return "provider \(provider.name): \(parts.joined(separator: ", "))"
  }
}

/// Waits for the first list of tools, or for the news that there is none.
private final class CatalogListener: UpstreamObserver {
  private let catalogs = AsyncStream.makeStream(of: UpstreamCatalog?.self, bufferingPolicy: .bufferingOldest(1))

  func catalog() async -> UpstreamCatalog? {
    for await catalog in catalogs.stream { return catalog }
    return nil
  }

  func upstream(_ name: Name, offers catalog: UpstreamCatalog, announced: UpstreamFeatures) { catalogs.continuation.yield(catalog) }

  func upstream(_ name: Name, became state: UpstreamState) {
    if case .down = state { catalogs.continuation.yield(nil) }
  }
}

extension SharingClass {
  /// For people.
  var description: String {
    switch self {
    case .principal: "nobody (each key has its own)"
    case .tenant: "the tenant"
    case .all: "all tenants"
    }
  }
}
