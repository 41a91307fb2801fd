import Testing
import WeirCore
import WeirRedis

@testable import WeirApp

@Suite struct RedisSettingsTests {
  private static let secrets = SecretSource(environment: ["PASSWORD": "s3cret"]) { path in
    switch path {
    case "/run/secrets/redis": "s3cret\n"
    case "/run/secrets/empty": "\n"
    default: throw SecretSource.Failure(message: "no such file")
    }
  }

  private func read(_ redis: String) throws(SettingsError) -> RedisSettings? {
    let text = "upstreams: { a: { url: \"http://127.0.0.1:1/mcp\", provider: none } }\ncache: { redis: \(redis) }"
    return try SettingsReader.read(text, file: "weir.yaml", secrets: Self.secrets).cache.redis
  }

  private func fault(in redis: String) -> String? {
    do throws(SettingsError) { _ = try read(redis) } catch { return "\(error)" }
    return nil
  }

  @Test("one server: user, password, database and TLS of the URL, and keys that stand in for them")
  func single() throws {
    let plain = try #require(try read("{ url: \"redis://u:p@h/3\" }"))
    #expect(plain.deployment == .single(.tcp(host: "h", port: 6379)))
    #expect(plain.user.name == "u" && plain.user.password?.reveal == "p" && plain.database == 3 && plain.tls == nil)
    #expect(plain.connections == 2 && plain.prefix == "weir")
    let other = try #require(
      try read("{ url: \"rediss://u:p@h:7000\", username: v, password: \"${env:PASSWORD}\", ca_file: /ca, connections: 4, command_timeout: 50ms }"))
    #expect(other.user.name == "v" && other.user.password?.reveal == "s3cret")
    #expect(other.tls?.authorities == "/ca" && other.tls?.certificate == nil)
    let configuration = other.configuration
    #expect(configuration.connections == 4 && configuration.commandTimeout == .milliseconds(50) && configuration.credentials.user == "v")
  }

  @Test("Sentinels with a user of their own, and the primary's name")
  func sentinel() throws {
    let settings = try #require(
      try read(
        """
        { sentinel: { primary: mymaster, urls: ["rediss://s1:26379", "rediss://[::1]:26380"], username: watch, password_file: /run/secrets/redis },
          password_file: /run/secrets/redis, database: 1, certificate_file: /c, key_file: /k }
        """))
    #expect(
      settings.deployment == .sentinel(primary: "mymaster", sentinels: [.tcp(host: "s1", port: 26_379), .tcp(host: "::1", port: 26_380)]))
    #expect(settings.database == 1 && settings.tls?.certificate == "/c" && settings.tls?.key == "/k")
    #expect(settings.sentinelUser.name == "watch" && settings.sentinelUser.passwordFile == "/run/secrets/redis")
    #expect(settings.user.name == nil && settings.user.password == nil && settings.user.passwordFile == "/run/secrets/redis")
  }

  @Test("a cluster from its seeds; a single one needs no list")
  func cluster() throws {
    let settings = try #require(try read("{ cluster: [\"redis://a\", \"redis://b:7001\"], password: p }"))
    #expect(settings.deployment == .cluster(seeds: [.tcp(host: "a", port: 6379), .tcp(host: "b", port: 7001)]))
    #expect(settings.tls == nil && settings.user.password?.reveal == "p")
    #expect(try read("{ cluster: \"rediss://a\" }")?.tls != nil)
  }

  @Test(
    "what does not fit is said with its place and what to do",
    arguments: [
      ("{ prefix: x }", "weir.yaml:2: cache.redis", "needs a \"url\""),
      ("{ url: \"redis://h\", cluster: [\"redis://h\"] }", "cache.redis.cluster", "keep one"),
      ("{ url: \"http://h\" }", "cache.redis.url", "scheme"), ("{ cluster: [] }", "cache.redis.cluster", "is empty"),
      ("{ cluster: [\"redis://h\"], database: 1 }", "cache.redis.database", "only database 0"),
      ("{ url: \"redis://h\", database: 1 }", "cache.redis.database", "redis://host:6379/1"),
      ("{ cluster: [\"redis://h\", \"rediss://h\"] }", "cache.redis.cluster.1", "for all or for none"),
      ("{ cluster: [\"redis://:p@h\"] }", "cache.redis.cluster.0", "keys of their own"),
      ("{ cluster: [\"redis://h/1\"] }", "cache.redis.cluster.0", "keys of their own"),
      ("{ cluster: [\"unix:///s\"] }", "cache.redis.cluster.0", "is a socket"), ("{ cluster: [\"h:1\"] }", "cache.redis.cluster.0", "no scheme"),
      ("{ sentinel: { urls: [\"redis://s\"] } }", "cache.redis.sentinel", "needs a \"primary\""),
      ("{ sentinel: { primary: m } }", "cache.redis.sentinel", "needs \"urls\""),
      ("{ sentinel: { primary: m, urls: [] } }", "cache.redis.sentinel.urls", "is empty"),
      ("{ sentinel: { primary: m, url: x } }", "cache.redis.sentinel.url", "did you mean \"urls\""),
      ("{ url: \"redis://h\", password: p, password_file: /run/secrets/redis }", "cache.redis.password_file", "keep one"),
      ("{ url: \"redis://:p@h\", password_file: /run/secrets/redis }", "cache.redis.password_file", "keep one"),
      ("{ url: \"redis://h\", password_file: /none }", "cache.redis.password_file", "can't be read"),
      ("{ url: \"redis://h\", password_file: /run/secrets/empty }", "cache.redis.password_file", "is empty"),
      ("{ url: \"redis://h\", ca_file: /ca }", "cache.redis.ca_file", "rediss://"),
      ("{ url: \"redis://h\", key_file: /k }", "cache.redis.key_file", "rediss://"),
      ("{ url: \"rediss://h\", key_file: /k }", "cache.redis.key_file", "both"),
      ("{ url: \"rediss://h\", certificate_file: /c }", "cache.redis.certificate_file", "both"),
      ("{ url: \"redis://h\", connections: 0 }", "cache.redis.connections", "from 1 to 64"),
      ("{ url: \"redis://h\", connections: 65 }", "cache.redis.connections", "from 1 to 64"),
      ("{ url: \"redis://h\", command_timeout: 0s }", "cache.redis.command_timeout", "let nothing through"),
      ("{ url: \"redis://h\", passwort: p }", "cache.redis.passwort", "did you mean \"password\""),
    ])
  func errors(redis: String, place: String, help: String) throws {
    let error = try #require(fault(in: redis))
    #expect(error.contains(place) && error.contains(help), "\(error)")
  }

  @Test("no error shows a password", arguments: ["{ cluster: [\"redis://:pa55@h\"] }", "{ url: \"redis://:pa55@h\", password_file: /none }"])
  func hidden(redis: String) throws {
    #expect(try #require(fault(in: redis)).contains("pa55") == false)
  }
}
