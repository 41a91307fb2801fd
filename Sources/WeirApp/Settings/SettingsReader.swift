internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirTenancy
internal import Yams

/// Reads a configuration file into `Settings`.
package enum SettingsReader {
  /// - Parameters:
  ///   - text: the YAML.
  ///   - file: its name, for errors.
  /// - Throws: `SettingsError`, the first one found.
  package static func read(_ text: String, file: String) throws(SettingsError) -> Settings {
    try read(text, file: file, secrets: .machine)
  }

  static func read(_ text: String, file: String, secrets: SecretSource) throws(SettingsError) -> Settings {
    let root = try SettingsNode.root(of: text, file: file, secrets: secrets)
    let top = try root.mapping("listen", "seal_key", "fleet", "cache", "usage", "providers", "upstreams", "tenants")
    var settings = Settings()
    if let listen = top["listen"] { settings.listen = try self.listen(listen) }
    if let cache = top["cache"] { settings.cache = try self.cache(cache) }
    settings.sealKey = try top.value("seal_key", "a secret of at least 32 characters, such as ${file:/run/secrets/weir-seal}", echo: false) {
      $0.utf8.count >= 32 ? Secret($0) : nil
    }
    settings.fleetAddress = try top["fleet"]?.mapping("address").value(
      "address", "an address of this replica that others reach, such as 10.0.3.7:8080"
    ) {
      address($0).map { $0.port > 0 } ?? false ? $0 : nil
    }
    settings.usageFile = try top["usage"]?.mapping("file").value("file", "the path of a file, such as /var/lib/weir/usage.json") {
      $0.isEmpty || $0.hasSuffix("/") ? nil : $0
    }
    guard let upstreams = top["upstreams"] else {
      throw root.error("there is no \"upstreams:\", so there is nothing to stand in front of; docs/configuration.md shows one")
    }
    settings.upstreams = try UpstreamReader.read(upstreams)
    settings.providers = try ProviderReader.read(top["providers"], upstreams: settings.upstreams)
    if let tenants = top["tenants"] {
      settings.tenants = try self.tenants(tenants, upstreams: settings.upstreams)
      try ProviderReader.readBudgets(of: tenants, into: &settings.providers)
    }
    try refuseOpenDoors(settings, file: file, line: (top["listen"] ?? root).node.mark?.line)
    return settings
  }

  /// Everybody is, where no tenant is configured (`TenantDirectory.local`).
  static let localTenant: Name = "local"

  /// - Throws: where others than this machine can connect and nobody needs a key.
  static func refuseOpenDoors(_ settings: Settings, file: String, line: Int?) throws(SettingsError) {
    let hosts = [("listen.address", settings.listen.host)] + (settings.listen.admin.map { [("listen.admin_address", $0.host)] } ?? [])
    guard settings.tenants.isEmpty, let (key, host) = hosts.first(where: { !Settings.Listen.isLoopback($0.1) }) else { return }
    throw SettingsError(
      file: file, line: line, key: key,
      message: "listens beyond this machine (\(host)) but no tenant has an API key: anybody could read your bills. "
        + "Add \"tenants:\" (`weir keys new --tenant NAME` prints one) or listen on 127.0.0.1")
  }

  private static func listen(_ node: SettingsNode) throws(SettingsError) -> Settings.Listen {
    let map = try node.mapping(
      "address", "admin_address", "admin_token", "public_url", "allowed_hosts", "allowed_origins", "max_body", "limits", "shutdown_grace",
      "shutdown_delay")
    var listen = Settings.Listen()
    let help = "an address such as 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080"
    if let address = try map.value("address", help, Self.address) { (listen.host, listen.port) = address }
    listen.admin = try map.value("admin_address", help, Self.address)
    listen.adminToken = try map.value("admin_token", "a secret of at least 32 characters, such as ${file:/run/secrets/weir-admin}", echo: false) {
      $0.utf8.count >= 32 ? Secret($0) : nil
    }
    listen.publicURL = try map.value("public_url", "a URL that starts with http:// or https://", echo: false) {
      $0.hasPrefix("http://") || $0.hasPrefix("https://") ? $0 : nil
    }
    listen.allowedHosts = try map.texts("allowed_hosts") ?? []
    listen.allowedOrigins = try map.texts("allowed_origins") ?? []
    listen.maxBodyBytes = try map.limit("max_body") ?? listen.maxBodyBytes
    listen.shutdownGrace = try map.duration("shutdown_grace") ?? listen.shutdownGrace
    listen.shutdownDelay = try map.duration("shutdown_delay") ?? listen.shutdownDelay
    if let limits = try map["limits"]?.mapping("header_timeout", "body_timeout", "idle_timeout", "write_timeout", "max_connections") {
      listen.headerTimeout = try limits.limit("header_timeout") ?? listen.headerTimeout
      listen.bodyTimeout = try limits.limit("body_timeout") ?? listen.bodyTimeout
      listen.idleTimeout = try limits.limit("idle_timeout") ?? listen.idleTimeout
      listen.writeTimeout = try limits.limit("write_timeout") ?? listen.writeTimeout
      listen.maxConnections = try limits.count("max_connections") ?? listen.maxConnections
    }
    return listen
  }

  /// `host:port`; an IPv6 host stands in brackets.
  static func address(_ text: String) -> (host: String, port: Int)? {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
    var host = String(text[..<colon])
    guard let port = Int(text[text.utf8.index(after: colon)...]), (0...65_535).contains(port) else { return nil }
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    return host.isEmpty ? nil : (host, port)
  }

  private static func cache(_ node: SettingsNode) throws(SettingsError) -> Settings.Cache {
    let map = try node.mapping("memory", "redis", "encryption_key", "encryption_keys_old")
    var cache = Settings.Cache()
    if let memory = try map["memory"]?.mapping("max_bytes", "max_entry") {
      cache.memoryBytes = try memory.bytes("max_bytes") ?? cache.memoryBytes
      cache.maxEntryBytes = try memory.bytes("max_entry") ?? min(cache.maxEntryBytes, cache.memoryBytes / 8)
      if cache.maxEntryBytes > cache.memoryBytes, let entry = memory["max_entry"] { throw entry.error("is more than \"max_bytes\"") }
    }
    if let redis = map["redis"] {
      let (settings, maxEntryBytes) = try RedisReader.read(redis)
      cache.redis = settings
      cache.maxSharedEntryBytes = maxEntryBytes ?? cache.maxSharedEntryBytes
    }
    cache.cipher = try CipherReader.read(map)
    return cache
  }

  private static func tenants(_ node: SettingsNode, upstreams: [Settings.Upstream]) throws(SettingsError) -> [Tenant] {
    var tenants: [Tenant] = []
    var owners: [KeyDigest: String] = [:]
    for (name, value) in try node.entries() {
      guard Identifier.isValid(name) else { throw value.error("is no tenant name; use \(Identifier.help)") }
      let map = try value.mapping("api_keys", "allow", "budget")
      var keys: [Tenant.Key] = []
      for element in try map["api_keys"]?.elements() ?? [] {
        let key = try key(element)
        if keys.contains(where: { $0.name == key.name }) {
          throw element.error("is called \"\(key.name)\" like another key of this tenant; the name stands for who calls, so each key needs its own")
        }
        if let owner = owners.updateValue(name, forKey: key.digest) {
          throw element.error("has the same digest as a key of tenant \"\(owner)\": a key belongs to one tenant")
        }
        keys.append(key)
      }
      if keys.isEmpty { throw value.error("has no \"api_keys\"; `weir keys new --tenant \(name)` makes one") }
      guard let allow = map["allow"] else { throw value.error("has no \"allow\", so it may call nothing; \"allow: ['*']\" allows every tool") }
      tenants.append(Tenant(name: Name(name), keys: keys, allow: try patterns(allow, upstreams: upstreams)))
    }
    return tenants
  }

  private static func key(_ node: SettingsNode) throws(SettingsError) -> Tenant.Key {
    let map = try node.mapping("name", "sha256")
    guard let name = try map.value("name", Identifier.help, { Identifier.isValid($0) ? $0 : nil }) else { throw node.error("needs a \"name\"") }
    guard
      let digest = try map.value(
        "sha256", "a SHA-256 digest of 64 hexadecimal digits (`weir keys new` prints it; never the key itself)", echo: false, { KeyDigest(hex: $0) })
    else {
      throw node.error("needs a \"sha256\": the digest that `weir keys new` prints, never the key itself")
    }
    return Tenant.Key(name: Name(name), digest: digest)
  }

  private static func patterns(_ node: SettingsNode, upstreams: [Settings.Upstream]) throws(SettingsError) -> [ToolPattern] {
    var patterns: [ToolPattern] = []
    for element in try node.elements() {
      let pattern = try element.value("a pattern such as \"aws-billing/*\", \"*/get_pricing\" or \"*\"") { ToolPattern($0) }
      guard upstreams.contains(where: { pattern.mayMatch(upstream: $0.name) }) else {
        throw element.error("\"\(pattern)\" matches none of the upstreams \(upstreams.map(\.name.string).joined(separator: ", "))")
      }
      patterns.append(pattern)
    }
    return patterns
  }
}

/// Names that operators give: they stand in tool names, labels and paths.
enum Identifier {
  static let help = "lower-case letters, digits and single hyphens, at most 40 characters"

  static func isValid(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard (1...40).contains(bytes.count), bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-") else { return false }
    return bytes.allSatisfy {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
    }
  }
}
