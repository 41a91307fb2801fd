internal import WeirCore
internal import WeirRedis

/// Reads `cache.redis`.
enum RedisReader {
  private static let keys = [
    "url", "sentinel", "cluster", "database", "username", "password", "password_file", "ca_file", "certificate_file", "key_file", "connections",
    "command_timeout", "prefix", "max_entry",
  ]

  /// - Returns: The settings, and the largest answer that is written there where that is said.
  static func read(_ node: SettingsNode) throws(SettingsError) -> (RedisSettings, maxEntryBytes: Int?) {
    let map = try node.mapping(oneOf: keys)
    var settings = try place(map)
    settings.user = try user(map, over: settings.user)
    settings.tls = try files(map, settings.tls)
    settings.connections =
      try map.value("connections", "a whole number from 1 to 64") { text in
        Int(text).flatMap { (1...64).contains($0) ? $0 : nil }
      } ?? settings.connections
    settings.commandTimeout = try map.limit("command_timeout") ?? settings.commandTimeout
    settings.prefix = try map.text("prefix") ?? settings.prefix
    return (settings, try map.bytes("max_entry"))
  }

  /// Where Redis is: one of `url`, `sentinel` and `cluster`.
  private static func place(_ map: SettingsMapping) throws(SettingsError) -> RedisSettings {
    let places = ["url", "sentinel", "cluster"].compactMap { map[$0] }
    guard let place = places.first else {
      throw map.owner.error("needs a \"url\", such as redis://127.0.0.1:6379/0, or \"sentinel\", or \"cluster\"")
    }
    if places.count > 1 { throw places[1].error("does not go with \(place.path): keep one of \"url\", \"sentinel\" and \"cluster\"") }
    if map["url"] != nil { return try single(place, map) }
    if map["cluster"] != nil {
      if let database = map["database"] { throw database.error("is not for a cluster, which has only database 0: leave it out") }
      let (servers, tls) = try servers(place)
      var settings = RedisSettings(deployment: .cluster(seeds: servers))
      settings.tls = tls
      return settings
    }
    return try sentinel(place, map)
  }

  private static func single(_ node: SettingsNode, _ map: SettingsMapping) throws(SettingsError) -> RedisSettings {
    let url = try url(node)
    if let database = map["database"] { throw database.error("is the URL's path already: write it there, as in redis://host:6379/1") }
    var settings = RedisSettings(deployment: .single(url.endpoint))
    settings.database = url.database
    settings.user.name = url.user
    settings.user.password = url.password.map { Secret($0.reveal) }
    settings.tls = url.usesTLS ? RedisTLSFiles() : nil
    return settings
  }

  private static func sentinel(_ node: SettingsNode, _ map: SettingsMapping) throws(SettingsError) -> RedisSettings {
    let sentinel = try node.mapping("primary", "urls", "username", "password", "password_file")
    guard let primary = try sentinel.text("primary"), !primary.isEmpty else {
      throw node.error("needs a \"primary\": the name under which the Sentinels watch it, such as mymaster")
    }
    guard let list = sentinel["urls"] else { throw node.error("needs \"urls\": a list of Sentinels, such as [redis://sentinel-1:26379]") }
    let (servers, tls) = try servers(list)
    var settings = RedisSettings(deployment: .sentinel(primary: primary, sentinels: servers))
    settings.tls = tls
    settings.sentinelUser = try user(sentinel, over: .init())
    settings.database = try map.value("database", "a whole number from 0 on") { text in Int(text).flatMap { $0 >= 0 ? $0 : nil } } ?? 0
    return settings
  }

  /// A list of servers that differ in nothing but their place.
  private static func servers(_ list: SettingsNode) throws(SettingsError) -> ([RedisEndpoint], RedisTLSFiles?) {
    let elements = try list.elements()
    var urls: [RedisURL] = []
    for element in elements {
      let url = try url(element)
      guard case .tcp = url.endpoint else { throw element.error("is a socket: write redis://host:port or rediss://host:port") }
      guard url.user == nil, url.password == nil, url.database == 0 else {
        throw element.error("has a user, a password or a database: they are the same for all, so they have keys of their own")
      }
      if let first = urls.first, first.usesTLS != url.usesTLS { throw element.error("has another scheme than the first: TLS is for all or for none") }
      urls.append(url)
    }
    guard let first = urls.first else { throw list.error("is empty: list at least one server, better three") }
    return (urls.map(\.endpoint), first.usesTLS ? RedisTLSFiles() : nil)
  }

  private static func url(_ node: SettingsNode) throws(SettingsError) -> RedisURL {
    let text = try node.text()
    do throws(RedisURLError) { return try RedisURL(parsing: text) } catch { throw node.error(error.message) }
  }

  private static func user(_ map: SettingsMapping, over url: RedisSettings.User) throws(SettingsError) -> RedisSettings.User {
    var user = url
    user.name = try map.text("username") ?? url.name
    if let password = try map.text("password") { user.password = Secret(password) }
    guard let node = map["password_file"] else { return user }
    if user.password != nil { throw node.error("is there beside a password: keep one of them") }
    let path = try node.text()
    do throws(SecretSource.Failure) {
      if try node.secrets.contents(of: path).isEmpty { throw SecretSource.Failure(message: "refers to the file \(path), which is empty") }
    } catch {
      throw node.error(error.message)
    }
    user.passwordFile = path
    return user
  }

  private static func files(_ map: SettingsMapping, _ tls: RedisTLSFiles?) throws(SettingsError) -> RedisTLSFiles? {
    let names = ["ca_file", "certificate_file", "key_file"]
    guard var files = tls else {
      if let node = names.compactMap({ map[$0] }).first { throw node.error("is for TLS: write rediss:// in the URL, or leave it out") }
      return nil
    }
    files.authorities = try map.text("ca_file")
    files.certificate = try map.text("certificate_file")
    files.key = try map.text("key_file")
    if (files.certificate == nil) != (files.key == nil), let node = map["certificate_file"] ?? map["key_file"] {
      throw node.error("comes together with its other half: give both \"certificate_file\" and \"key_file\"")
    }
    return files
  }
}
