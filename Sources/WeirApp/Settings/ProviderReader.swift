internal import WeirBilling
internal import WeirCore
internal import WeirFleet
internal import WeirFlow

/// Reads `providers:` and adds what the packs of the configured upstreams know.
enum ProviderReader {
  static func read(_ node: SettingsNode?, upstreams: [Settings.Upstream]) throws(SettingsError) -> [Name: Settings.Provider] {
    var providers: [Name: Settings.Provider] = [:]
    for upstream in upstreams {
      providers[upstream.provider] = Settings.Provider(name: upstream.provider)
    }
    for upstream in upstreams {
      for (index, facts) in (upstream.policy.pack?.providers ?? []).enumerated() {
        // The operator's name stands in for the pack's main provider.
        var provider = Settings.Provider(name: index == 0 ? upstream.provider : facts.name)
        provider.price = facts.price
        provider.limits = [RateLimit(count: facts.rate, period: .seconds(1), burst: facts.burst)].compactMap { $0 }
        providers[provider.name] = provider
      }
    }
    for (name, value) in try node?.entries() ?? [] {
      providers[Name(name)] = try provider(value, find(name, in: providers, for: value))
    }
    return providers
  }

  /// Reads `budget:` of each tenant, a mapping of providers to budgets.
  /// - Parameter node: `tenants:`, whose keys were checked.
  static func readBudgets(of node: SettingsNode, into providers: inout [Name: Settings.Provider]) throws(SettingsError) {
    for (tenant, value) in try node.entries() {
      guard let budgets = try value.entries().first(where: { $0.name == "budget" })?.value else { continue }
      guard budgets.isMapping else { throw budgets.error("must be a mapping of providers to budgets, such as { aws-cost-explorer: 2 USD/day }") }
      for (name, value) in try budgets.entries() {
        var provider = try find(name, in: providers, for: value)
        provider.tenantBudgets[Name(tenant)] = try budget(value)
        providers[provider.name] = provider
      }
    }
  }

  private static func find(
    _ name: String, in providers: [Name: Settings.Provider], for node: SettingsNode
  ) throws(SettingsError) -> Settings.Provider {
    if let provider = providers[Name(name)] { return provider }
    let names = providers.keys.sorted().map(\.string)
    let hint = Suggestion.nearest(to: name, among: names).map { "did you mean \"\($0)\"?" } ?? "known: \(names.joined(separator: ", "))"
    throw node.error("is the provider of no upstream; \(hint)")
  }

  private static func provider(_ node: SettingsNode, _ known: Settings.Provider) throws(SettingsError) -> Settings.Provider {
    let map = try node.mapping("rate", "burst", "limits", "concurrency", "budget", "price", "merge", "linger", "without_redis")
    var provider = known
    try readLimits(map, node, into: &provider)
    provider.concurrency = try map.count("concurrency") ?? provider.concurrency
    provider.price = try map.value("price", Quantity.priceHelp, Quantity.price) ?? provider.price
    if let budget = map["budget"] { provider.budget = try self.budget(budget) }
    provider.merges = try map.flag("merge") ?? provider.merges
    provider.withoutRedis = try map.value("without_redis", "degraded, open or closed", { WithoutRedis(rawValue: $0) }) ?? provider.withoutRedis
    provider.linger = try map.duration("linger") ?? provider.linger
    if provider.linger > longestLinger, let linger = map["linger"] {
      throw linger.error("is more than 1s; every call that could be merged waits so long for others")
    }
    return provider
  }

  /// Either `rate` with `burst`, or several windows in `limits`, all of which hold at once.
  private static func readLimits(_ map: SettingsMapping, _ node: SettingsNode, into provider: inout Settings.Provider) throws(SettingsError) {
    let burst = try map.count("burst")
    if let limits = map["limits"] {
      if map["rate"] != nil || burst != nil { throw node.error("has both \"limits\" and \"rate\" or \"burst\"; write every window into \"limits\"") }
      provider.limits = []
      for element in try limits.elements() {
        provider.limits.append(try element.value(Quantity.rateHelp) { Quantity.rate($0).flatMap { RateLimit.window($0.count, per: $0.period) } })
      }
      return
    }
    if let rate = map["rate"] {
      let limit = try rate.value(Quantity.rateHelp) { text in
        Quantity.rate(text).flatMap { RateLimit(count: $0.count, period: $0.period, burst: burst ?? $0.count) }
      }
      provider.limits = [limit]
    } else if let burst {
      guard let limit = provider.limits.first, let changed = RateLimit(count: limit.count, period: limit.period, burst: burst) else {
        throw node.error("has a \"burst\" but no \"rate\"")
      }
      provider.limits = [changed]
    }
  }

  private static let longestLinger = Duration.seconds(1)

  /// Either the amount alone, or a mapping with what becomes of calls when it is spent.
  private static func budget(_ node: SettingsNode) throws(SettingsError) -> BudgetLimit {
    let help = "a number of requests or an amount per day or month, such as 200/day or 50 USD/month"
    guard node.isMapping else { return try node.value(help) { budget($0, atLimit: .serveStale) } }
    let map = try node.mapping("limit", "at_limit")
    let atLimit = try map.value("at_limit", "stop or stale", { BudgetLimit.AtLimit(rawValue: $0) }) ?? .serveStale
    guard let limit = try map.value("limit", help, { budget($0, atLimit: atLimit) }) else {
      throw node.error("needs a \"limit\", such as 200/day or 50 USD/month")
    }
    return limit
  }

  private static func budget(_ text: String, atLimit: BudgetLimit.AtLimit) -> BudgetLimit? {
    let periods: [(suffix: String, period: BudgetLimit.Period)] = [("/day", .day), ("/month", .month)]
    guard let (suffix, period) = periods.first(where: { text.hasSuffix($0.suffix) }) else { return nil }
    let amount = String(text.dropLast(suffix.count))
    if amount.hasSuffix("USD") {
      return Quantity.price(amount).flatMap { $0 > .zero ? BudgetLimit(per: period, money: $0, atLimit: atLimit) : nil }
    }
    return Int(amount).flatMap { $0 > 0 ? BudgetLimit(per: period, requests: $0, atLimit: atLimit) : nil }
  }
}
