internal import Logging
internal import WeirCore
internal import WeirTenancy

extension Settings {
  /// The keys that cannot change while Weir runs and are not the same here.
  func fixedKeys(otherThanIn other: Settings) -> [String] {
    var keys: [String] = []
    // Plain values all through: their descriptions differ where they do, but for secrets, which have none.
    if "\(listen)" != "\(other.listen)" || Self.differ(listen.adminToken, other.listen.adminToken) { keys.append("listen") }
    if "\(cache)" != "\(other.cache)" || cache.hasOtherSecrets(than: other.cache) { keys.append("cache") }
    if Self.differ(sealKey, other.sealKey) { keys.append("seal_key") }
    if fleetAddress.map({ Array($0.utf8) }) != other.fleetAddress.map({ Array($0.utf8) }) { keys.append("fleet") }
    if usageFile.map({ Array($0.utf8) }) != other.usageFile.map({ Array($0.utf8) }) { keys.append("usage") }
    return keys
  }

  fileprivate static func differ(_ one: Secret?, _ other: Secret?) -> Bool {
    one.map { Array($0.reveal.utf8) } != other.map { Array($0.reveal.utf8) }
  }

  /// Takes what cannot change while Weir runs from the settings that hold.
  mutating func keepFixed(of other: Settings) {
    listen = other.listen
    cache = other.cache
    sealKey = other.sealKey
    fleetAddress = other.fleetAddress
    usageFile = other.usageFile
  }
}

extension Settings.Cache {
  fileprivate func hasOtherSecrets(than other: Settings.Cache) -> Bool {
    cipher != other.cipher || Settings.differ(redis?.user.password, other.redis?.user.password)
      || Settings.differ(redis?.sentinelUser.password, other.redis?.sentinelUser.password)
  }
}

extension Generation {
  /// Whether somebody may find other lists than before.
  func looksOtherThan(_ former: Generation) -> Bool {
    let isSame =
      Set(upstreams.keys) == Set(former.upstreams.keys) && upstreams.allSatisfy { former.upstreams[$0.key]?.feed === $0.value.feed }
      && Self.views(settings) == Self.views(former.settings)
    return !isSame
  }

  private static func views(_ settings: Settings) -> [Name: [String]] {
    Dictionary(settings.tenants.map { ($0.name, $0.allow.map { "\($0)" }) }) { first, _ in first }
  }

  /// What is new, other and gone, for the log.
  func differences(from former: Generation) -> Logger.Metadata {
    var metadata: Logger.Metadata = ["generation": "\(number)"]
    func say(_ label: String, _ names: [Name]) {
      if !names.isEmpty { metadata[label] = "\(names.sorted().map(\.string).joined(separator: ","))" }
    }
    say("new_upstreams", upstreams.keys.filter { former.upstreams[$0] == nil })
    say("restarted_upstreams", upstreams.filter { name, live in former.upstreams[name].map { $0.feed !== live.feed } ?? false }.map(\.key))
    say("removed_upstreams", former.upstreams.keys.filter { upstreams[$0] == nil })
    let (tenants, before) = (Set(settings.tenants.map(\.name)), Set(former.settings.tenants.map(\.name)))
    say("new_tenants", Array(tenants.subtracting(before)))
    say("removed_tenants", Array(before.subtracting(tenants)))
    return metadata
  }
}
