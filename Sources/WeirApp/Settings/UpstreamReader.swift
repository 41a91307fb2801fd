internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirUpstream

/// Reads `upstreams:`.
enum UpstreamReader {
  static func read(_ node: SettingsNode) throws(SettingsError) -> [Settings.Upstream] {
    var upstreams: [Settings.Upstream] = []
    for (name, value) in try node.entries() {
      guard Identifier.isValid(name), !name.contains("--") else {
        throw value.error("\"\(name)\" is no upstream name; use \(Identifier.help): it becomes the prefix of its tools")
      }
      upstreams.append(try upstream(Name(name), value))
    }
    if upstreams.isEmpty { throw node.error("names no upstream, so there is nothing to stand in front of") }
    return upstreams.sorted { $0.name < $1.name }
  }

  private static func upstream(_ name: Name, _ node: SettingsNode) throws(SettingsError) -> Settings.Upstream {
    let map = try node.mapping(
      "command", "environment", "processes", "url", "headers", "ca_file", "pack", "provider", "share", "cache", "freshness", "trust_annotations",
      "call_timeout", "resource_ttl", "start_timeout", "max_result", "era", "transport", "isolation", "max_sessions", "buckets", "widen",
      "derive_sums", "tags")
    let pack = try map.value("pack", "a pack that Weir has: \(PolicyPacks.all.map(\.name).joined(separator: ", "))") { PolicyPacks.named($0) }
    let rules = try self.rules(map["cache"])
    let trusted = try map.duration("trust_annotations").map { Freshness(fresh: $0, stale: .zero) }
    let overrides = try FreshnessReader.read(map["freshness"], for: pack)
    let provider = try map.value("provider", Identifier.help) { Identifier.isValid($0) ? Name($0) : nil }
    if let pack, let provider, let name = map["provider"], pack.providers.dropFirst().contains(where: { $0.name == provider }) {
      throw name.error("is a provider that the pack has for other calls; choose a name of your own to stand in for \(pack.providers[0].name)")
    }
    var upstream = Settings.Upstream(
      name: name, transport: try transport(map, node),
      policy: UpstreamPolicy(rules: rules.map(\.rule), pack: pack, trustedAnnotations: trusted, overrides: overrides),
      provider: provider ?? pack?.providers.first?.name ?? name)
    upstream.share = try map.value("share", Self.shareHelp, Self.share) ?? upstream.share
    upstream.toolShares = rules.compactMap { rule in rule.share.map { (rule.rule.tool, $0) } }
    upstream.tags = try tags(map["tags"])
    upstream.toolTags = rules.compactMap { rule in rule.tags.isEmpty ? nil : (rule.rule.tool, rule.tags) }
    upstream.resourceTTL = try map.duration("resource_ttl") ?? upstream.resourceTTL
    upstream.callTimeout = try map.limit("call_timeout") ?? upstream.callTimeout
    upstream.startTimeout = try map.limit("start_timeout") ?? upstream.startTimeout
    upstream.maxResultBytes = try map.limit("max_result") ?? upstream.maxResultBytes
    upstream.reusesBuckets = try map.flag("buckets") ?? upstream.reusesBuckets
    upstream.widens = try map.flag("widen") ?? upstream.widens
    upstream.derivesSums = try map.flag("derive_sums") ?? upstream.derivesSums
    if upstream.derivesSums, !(upstream.reusesBuckets && upstream.widens), let flag = map["derive_sums"] {
      throw flag.error("needs \"buckets\" and \"widen\": sums are made of what wider answers hold")
    }
    upstream.era = try map.value("era", "auto, legacy or modern") { ["auto", "legacy", "modern"].contains($0) ? $0 : nil } ?? upstream.era
    upstream.urlTransport = try urlTransport(map, era: upstream.era) ?? upstream.urlTransport
    upstream.isolation = try map.value("isolation", "shared, session or principal") { UpstreamFamily.Isolation(rawValue: $0) } ?? upstream.isolation
    if let most = try map.count("max_sessions") { upstream.maxSessions = most } else if upstream.isStdio { upstream.maxSessions = 16 }
    return upstream
  }

  private static let shareHelp = "principal, tenant or all"

  private static func share(_ text: String) -> SharingClass? {
    ["principal": .principal, "tenant": .tenant, "all": .all][text]
  }

  private static func transport(_ map: SettingsMapping, _ node: SettingsNode) throws(SettingsError) -> Settings.Upstream.Transport {
    switch (map["command"], map["url"]) {
    case (nil, nil): throw node.error("needs a \"command\" to start or a \"url\" to connect to")
    case (.some, .some): throw node.error("has both a \"command\" and a \"url\"; keep one")
    case (.some, nil):
      for key in ["headers", "ca_file", "transport"] {
        if let stray = map[key] { throw stray.error("belongs to an upstream with a \"url\"; this one has a \"command\"") }
      }
      guard let command = try map.texts("command"), let first = command.first, !first.isEmpty else {
        throw node.error("has an empty \"command\"")
      }
      var environment: [String: Secret] = [:]
      for (name, value) in try map["environment"]?.entries() ?? [] { environment[name] = Secret(try value.text()) }
      return .stdio(command: command, environment: environment, processes: try map.count("processes") ?? 1)
    case (nil, .some):
      for key in ["environment", "processes"] {
        if let stray = map[key] { throw stray.error("belongs to an upstream with a \"command\"; this one has a \"url\"") }
      }
      let url = try map.value("url", "a URL that starts with http:// or https://", echo: false) {
        $0.hasPrefix("http://") || $0.hasPrefix("https://") ? $0 : nil
      }
      var headers: [(name: String, value: Secret)] = []
      for (name, value) in try map["headers"]?.entries() ?? [] { headers.append((name, Secret(try value.text()))) }
      var checked = HTTPUpstreamConfiguration(url: url ?? "")
      checked.headers = headers
      if let fault = checked.faults.first { throw (map["headers"] ?? map["url"] ?? node).error(fault) }
      return .http(url: url ?? "", headers: headers, caFile: try map.text("ca_file"))
    }
  }

  private static func urlTransport(_ map: SettingsMapping, era: String) throws(SettingsError) -> HTTPUpstreamConfiguration.TransportPolicy? {
    let transport = try map.value("transport", "auto, streamable-http or sse") { HTTPUpstreamConfiguration.TransportPolicy(rawValue: $0) }
    if transport == .sse, era == "modern", let node = map["transport"] {
      throw node.error("is a transport of the handshake era, which \"era: modern\" rules out; keep one of the two")
    }
    return transport
  }

  private typealias Rule = (rule: CacheRule, share: SharingClass?, tags: [Name])

  private static func tags(_ node: SettingsNode?) throws(SettingsError) -> [Name] {
    var tags: [Name] = []
    for element in try node?.elements() ?? [] {
      tags.append(try element.value("a tag: \(Identifier.help)") { Identifier.isValid($0) ? Name($0) : nil })
    }
    return tags
  }

  private static func rules(_ node: SettingsNode?) throws(SettingsError) -> [Rule] {
    var rules: [Rule] = []
    for element in try node?.elements() ?? [] {
      let map = try element.mapping("tool", "ttl", "stale", "share", "never", "tags")
      guard let tool = try map.text("tool") else { throw element.error("needs a \"tool\": a name or a pattern such as get_*") }
      let ttl = try map.duration("ttl")
      let never = try map.flag("never") ?? false
      if never == (ttl != nil) { throw element.error("needs either a \"ttl\", such as 24h, or \"never: true\"") }
      let freshness = ttl.map { Freshness(fresh: $0, stale: .zero) }
      if never, let stale = map["stale"] { throw stale.error("makes no sense beside \"never: true\"") }
      let stale = try map.duration("stale") ?? .zero
      rules.append(
        (
          CacheRule(tool: tool, freshness: freshness.map { Freshness(fresh: $0.fresh, stale: stale) }),
          try map.value("share", Self.shareHelp, Self.share), try tags(map["tags"])
        ))
    }
    return rules
  }
}
