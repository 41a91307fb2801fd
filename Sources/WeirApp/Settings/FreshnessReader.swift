internal import WeirBilling

/// Reads `freshness:` of an upstream: what the operator knows better than the calendar of the pack.
enum FreshnessReader {
  static func read(_ node: SettingsNode?, for pack: (any PolicyPack)?) throws(SettingsError) -> [FreshnessClass: FreshnessOverride] {
    guard let node else { return [:] }
    guard pack != nil else {
      throw node.error("belongs to an upstream with a \"pack\", which tells what an answer is about; without one give a \"ttl\" by \"cache\" rules")
    }
    let map = try node.mapping(oneOf: FreshnessClass.allCases.map(\.rawValue))
    var overrides: [FreshnessClass: FreshnessOverride] = [:]
    for kind in FreshnessClass.allCases {
      if let value = map[kind.rawValue] { overrides[kind] = try override(value) }
    }
    return overrides
  }

  /// `4h`, or `{ ttl: 12h, stale: 3d }` with either or both.
  private static func override(_ node: SettingsNode) throws(SettingsError) -> FreshnessOverride {
    guard node.isMapping else { return FreshnessOverride(fresh: try ttl(node)) }
    let map = try node.mapping("ttl", "stale")
    var override = FreshnessOverride(stale: try map.duration("stale"))
    if let value = map["ttl"] { override.fresh = try ttl(value) }
    if override == FreshnessOverride() { throw node.error("needs a \"ttl\", such as 12h, a \"stale\", such as 3d, or both") }
    return override
  }

  private static func ttl(_ node: SettingsNode) throws(SettingsError) -> Duration {
    let ttl = try node.value(Quantity.durationHelp, Quantity.duration)
    if ttl == .zero {
      throw node.error("must be longer than nothing; a \"cache\" rule with \"never: true\" keeps a tool's answers from being cached")
    }
    return ttl
  }
}
