import Logging
import RedisTestSupport
import Testing
import WeirCore
import WeirFleet
import WeirRedis
import WeirTestSupport

@Suite(.enabled(if: RedisServer.executable != nil, "redis-server is not on PATH"), .timeLimit(.minutes(3)))
struct RosterTests {
  @Test("replicas learn of each other at their beats, and of who left")
  func members() async throws {
    try await withRedis { client in
      let time = ManualTime()
      let keys = FleetKeys(prefix: "test")
      let first = Roster(id: .random(), address: "10.0.0.1:80", client: client, keys: keys, time: time)
      let second = Roster(id: .random(), address: nil, client: client, keys: keys, time: time)
      #expect(first.members.count == 1 && !first.isCurrent && !first.isSettled && first.redisClock(at: time.now()) == nil)
      try await whileRunning(first, second, on: time) {
        #expect(first.isSettled && second.isSettled)
        time.advance(by: Roster.interval)
        await time.sleepers(atLeast: 2)
        #expect(first.members.addresses == [first.id: "10.0.0.1:80", second.id: ""])
        #expect(second.members.addresses == first.members.addresses)
        #expect(first.isCurrent)
        let clock = try #require(first.redisClock(at: time.now()))
        #expect(first.redisClock(at: time.now() + .milliseconds(3)) == clock + 3000)
      }
      try await ageRoster(client, keys)
      await second.leave()
      await first.leave()
      #expect(first.members.count == 1 && first.members.addresses.isEmpty)
    }
  }

  @Test("a replica that Redis does not let join waits for a second, and then serves without")
  func alone() async throws {
    let time = ManualTime()
    // It does not run, so it has no connection.
    let client = try RedisClient(configuration: RedisConfiguration(.single(.tcp(host: "127.0.0.1", port: 1))), logger: Logger(label: "test"))
    let roster = Roster(id: .random(), address: "10.0.0.1:80", client: client, keys: FleetKeys(prefix: "test"), time: time)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await roster.run() }
      await time.sleepers(atLeast: 1)
      #expect(!roster.isSettled)
      time.advance(by: .seconds(1))
      await time.sleepers(atLeast: 1)
      #expect(roster.isSettled && !roster.isCurrent)
      group.cancelAll()
    }
  }

  private func whileRunning(_ first: Roster, _ second: Roster, on time: ManualTime, _ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for roster in [first, second] { group.addTask { await roster.run() } }
      await time.sleepers(atLeast: 2)
      try await body()
      group.cancelAll()
    }
  }
}

/// Lets the list have begun long ago.
func ageRoster(_ client: RedisClient, _ keys: FleetKeys) async throws {
  #expect(try await client.send(RedisCommand("SET", keys.part("roster-began"), Array("0".utf8))) == .simple("OK"))
}
