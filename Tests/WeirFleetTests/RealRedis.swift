import Logging
import RedisTestSupport
import Testing
import WeirRedis

/// Runs `body` with clients of a real server, as patient as a busy machine needs.
func withRedisClients(_ clients: Int, _ body: ([RedisClient]) async throws -> Void) async throws {
  try await RedisServer.with { server in
    var configuration = RedisConfiguration(.single(server.endpoint))
    configuration.commandTimeout = .seconds(10)
    configuration.connectTimeout = .seconds(10)
    let made = try (0..<clients).map { _ in try RedisClient(configuration: configuration, logger: Logger(label: "test")) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for client in made { group.addTask { await client.run() } }
      for client in made { try #require(await client.waitUntilReady(timeout: .seconds(30))) }
      try await body(made)
      group.cancelAll()
    }
  }
}

func withRedis(_ body: (RedisClient) async throws -> Void) async throws {
  try await withRedisClients(1) { try await body($0[0]) }
}

/// Runs `body` with a patient client of what is configured.
func withRunning(_ configuration: RedisConfiguration, _ body: (RedisClient) async throws -> Void) async throws {
  var configuration = configuration
  configuration.commandTimeout = .seconds(10)
  configuration.connectTimeout = .seconds(10)
  let client = try RedisClient(configuration: configuration, logger: Logger(label: "test"))
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { await client.run() }
    try #require(await client.waitUntilReady(timeout: .seconds(30)))
    try await body(client)
    group.cancelAll()
  }
}
