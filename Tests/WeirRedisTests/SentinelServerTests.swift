import Foundation
import NIOConcurrencyHelpers
import RedisTestSupport
import Testing
import WeirRedis

extension NetworkTests {
  /// Against a real primary, replica and Sentinel.
  @Suite(
    .enabled(if: RedisServer.executable != nil && RedisServer.cli != nil, "redis-server or redis-cli is not on PATH"), .timeLimit(.minutes(4)))
  struct SentinelServerTests {
    @Test("the primary is found by its name, though other Sentinels are away or know nothing")
    func discovery() async throws {
      try await RedisWithSentinel.with { redis in
        let away = RedisEndpoint.tcp(host: "127.0.0.1", port: try await RedisServer.freePort())
        let configuration = redis.configuration(others: [away, redis.first.endpoint])
        try await withClient(configuration) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          #expect(try await client.send(command("SET", "k", "v")) == .simple("OK"))
          #expect(try await redis.first.cli(["get", "k"]) == "v\n")
        }
        var unknown = configuration
        unknown.deployment = .sentinel(primary: "other", sentinels: [redis.sentinel.endpoint])
        try await withClient(unknown) { client in
          #expect(await !client.waitUntilReady(timeout: .milliseconds(300)))
          let error = await #expect(throws: RedisError.self) { try await client.send(command("PING")) }
          #expect(error?.code == .unavailable)
        }
      }
    }

    @Test("after a failover that the operator asked for, writes go to the new primary, and subscriptions come back")
    func failover() async throws {
      try await RedisWithSentinel.with { redis in
        try await withClient(redis.configuration()) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          let subscription = client.subscribe(to: bytes("wake"))
          var events = subscription.makeAsyncIterator()
          #expect(await events.next() == .ready)
          await eventually("the sentinel knows no good replica") { (try? await redis.sentinel.cli(["sentinel", "failover", "weir"])) == "OK\n" }
          await eventually("the new primary is not found") { client.stats.topologyChanges == 1 }
          await eventually("it does not write") { (try? await client.send(command("SET", "k", "after"))) == .simple("OK") }
          #expect(try await redis.second.cli(["get", "k"]) == "after\n")
          #expect(try await redis.second.cli(["role"]).hasPrefix("master"))
          #expect(await events.next() == .missed)
          #expect(await events.next() == .ready)
          #expect(try await client.send(command("PUBLISH", "wake", "x")) == .integer(1))
          #expect(await events.next() == .message(bytes("x")))
        }
      }
    }

    @Test(
      "a primary killed or frozen under load: nobody waits beyond the command time-out, refusals take no time, the replica takes over",
      arguments: [SIGKILL, SIGSTOP])
    func lossUnderLoad(signal: Int32) async throws {
      try await RedisWithSentinel.with { redis in
        var configuration = redis.configuration()
        configuration.commandTimeout = .milliseconds(75)
        configuration.connectTimeout = .milliseconds(250)
        try await withClient(configuration) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          let isDone = NIOLockedValueBox(false)
          let load = Load(client: client)
          try await withThrowingTaskGroup(of: LoadTally.self) { group in
            for caller in 0..<8 { group.addTask { await load.run(caller, keys: 40) { isDone.withLockedValue { $0 } } } }
            await eventually("no load") { client.stats.requests > 500 }
            if signal == SIGKILL { await redis.first.kill() } else { redis.first.signal(signal) }
            await eventually("the replica does not take over") {
              guard (try? await client.send(command("SET", "k", "after"))) == .simple("OK") else { return false }
              return (try? await redis.second.cli(["get", "k"])) == "after\n"
            }
            isDone.withLockedValue { $0 = true }
            let tally = try await group.reduce(into: LoadTally()) { $0.add($1) }
            print("primary \(signal == SIGKILL ? "killed" : "frozen") under load: \(tally)")
            #expect(tally.wrong == 0 && tally.failed > 0 && !tally.refusals.isEmpty)
            #expect(tally.slowest < .milliseconds(400), "the machine is shared; the time-out is 75 ms")
            #expect(tally.medianRefusal < .milliseconds(1))
          }
        }
        redis.first.signal(SIGCONT)
      }
    }
  }
}
