import Logging
import NIOCore
import Testing
import WeirRedis

/// A configuration that waits long, for tests that are not about waiting.
func patient(_ url: String) throws -> RedisConfiguration {
  var configuration = RedisConfiguration(url: try RedisURL(parsing: url))
  patiently(&configuration)
  return configuration
}

func patiently(_ configuration: inout RedisConfiguration) {
  configuration.commandTimeout = .seconds(20)
  configuration.connectTimeout = .seconds(10)
  configuration.shortestReconnectDelay = .milliseconds(5)
  configuration.longestReconnectDelay = .milliseconds(100)
  configuration.shortestRefresh = .milliseconds(50)
}

/// Runs `body` with a running client, and ends it afterwards.
func withClient(
  _ configuration: RedisConfiguration, log: any LogHandler = SwiftLogNoOpLogHandler(), onLatency: (@Sendable (Duration) -> Void)? = nil,
  _ body: (RedisClient) async throws -> Void
) async throws {
  let client = try RedisClient(configuration: configuration, logger: Logger(label: "test") { _ in log }, onLatency: onLatency)
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { await client.run() }
    defer { group.cancelAll() }
    try await body(client)
  }
  #expect(client.stats.connections == 0, "connections are left over")
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func command(_ words: String...) -> RedisCommand { RedisCommand(words: words.map(bytes)) }

/// Polls for what has no event to wait for. Half a minute is for a machine under load; it is no expectation.
func eventually(_ what: Comment, _ condition: () async -> Bool) async {
  let end = ContinuousClock.now + .seconds(30)
  while ContinuousClock.now < end {
    if await condition() { return }
    try? await Task.sleep(for: .milliseconds(2))
  }
  Issue.record(what)
}

func outcome(_ body: () async throws(RedisError) -> RedisReply) async -> Result<RedisReply, RedisError> {
  do throws(RedisError) { return .success(try await body()) } catch { return .failure(error) }
}

/// `Issue.record` without a value, to leave a test with.
func problem(_ what: Comment, at location: SourceLocation = #_sourceLocation) {
  Issue.record(what, sourceLocation: location)
}
