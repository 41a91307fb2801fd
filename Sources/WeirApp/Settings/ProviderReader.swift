internal import WeirBilling
internal import WeirCore

/// Reads `providers:` and adds what the packs of the configured upstreams know.
enum ProviderReader {
  static func read(_ node: SettingsNode?, upstreams: [Settings.Upstream]) throws(SettingsError) -> [Name: Settings.Provider] {
    var providers: [Name: Settings.Provider] = [:]
    for upstream in upstreams {
      providers[upstream.provider] = Settings.Provider(name: upstream.provider)
    }
    for facts in upstreams.flatMap({ $0.policy.pack?.providers ?? [] }) {
      var provider = Settings.Provider(name: facts.name)
      provider.price = facts.price
      provider.limits = [Settings.Provider.Limit(count: facts.rate, period: .seconds(1), burst: facts.burst)]
      providers[facts.name] = provider
    }
    for (name, value) in try node?.entries() ?? [] {
      guard let known = providers[Name(name)] else {
        let names = providers.keys.sorted().map(\.string)
        let hint = Suggestion.nearest(to: name, among: names).map { "did you mean \"\($0)\"?" } ?? "known: \(names.joined(separator: ", "))"
        throw value.error("is the provider of no upstream; \(hint)")
      }
      providers[Name(name)] = try provider(value, known)
    }
    return providers
  }

  private static func provider(_ node: SettingsNode, _ known: Settings.Provider) throws(SettingsError) -> Settings.Provider {
    let map = try node.mapping("rate", "burst", "limits", "concurrency", "budget", "price")
    var provider = known
    let rate = try map.value("rate", Quantity.rateHelp, Quantity.rate)
    let burst = try map.count("burst")
    if rate != nil, map["limits"] != nil { throw node.error("has both \"rate\" and \"limits\"; write every window into \"limits\"") }
    if let rate {
      provider.limits = [.init(count: rate.count, period: rate.period, burst: burst ?? rate.count)]
    } else if let burst {
      guard var limit = provider.limits.first, map["limits"] == nil else { throw node.error("has a \"burst\" but no \"rate\"") }
      limit.burst = burst
      provider.limits = [limit]
    }
    if let limits = map["limits"] {
      provider.limits = []
      for element in try limits.elements() {
        let window = try element.value(Quantity.rateHelp, Quantity.rate)
        provider.limits.append(.init(count: window.count, period: window.period, burst: window.count))
      }
    }
    provider.concurrency = try map.count("concurrency") ?? provider.concurrency
    provider.price = try map.value("price", Quantity.priceHelp, Quantity.price) ?? provider.price
    if let budget = map["budget"] {
      let value = try budget.value("a number of requests per day or month, such as 200/day") { text -> (count: Int, period: Duration)? in
        if text.hasSuffix("/month") { return Int(text.dropLast(6)).flatMap { $0 > 0 ? ($0, .days(30)) : nil } }
        guard let rate = Quantity.rate(text), rate.period == .days(1) else { return nil }
        return rate
      }
      provider.budget = value
    }
    return provider
  }
}
