import RedisTestSupport
import Testing
import WeirCache
import WeirCore
import WeirRedis
import WeirTestSupport

@testable import WeirFleet

@Suite(.serialized, .enabled(if: RedisServer.executable != nil, "redis-server is not on PATH"), .timeLimit(.minutes(3)))
struct FleetPurgeReachTests {
  private let key = CacheKeyBuilder(partition: .all, upstream: "u", credential: "c", definition: [], method: "m", tool: "t").key(arguments: [])
  private let scopes = PurgeScopes(upstream: "u", tool: "t", tags: []).asked(by: "growth", isShared: false)
  private let address = "10.0.0.2:80"

  private static let loss = RedisScript(
    """
    local time = redis.call('ZSCORE', KEYS[1], 'tenant:growth')
    redis.call('ZREM', KEYS[1], 'tenant:growth')
    redis.call('ZADD', KEYS[2], 1, ARGV[1], time, ARGV[2])
    return 1
    """)

  /// As the roster has it.
  private func join(_ replica: PurgeReplica, _ client: RedisClient) async throws {
    _ = try await client.send(RedisCommand("HSET", PurgeReplica.keys.part("addresses"), replica.id.bytes, Array(address.utf8)))
  }

  /// Runs `body` once the purge has reached Redis.
  private func whilePurging(_ one: PurgeReplica, _ client: RedisClient, _ body: () async throws -> Void) async throws -> PurgeReach {
    async let reach = one.purges.purge([.tenant("growth")])
    while try await PurgeReplica.score("tenant:growth", client) == nil { try await Task.sleep(for: .milliseconds(1)) }
    try await body()
    return await reach
  }

  @Test("a purge that every replica of the fleet has heard of is complete, and not before")
  func heard() async throws {
    try await withRedisClients(2) { clients in
      let (one, other) = (PurgeReplica(clients[0], time: SystemTime()), PurgeReplica(clients[1], time: SystemTime()))
      for replica in [one, other] { try await join(replica, clients[0]) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await other.purges.run() }
        while other.marks.heardAt == nil { try await Task.sleep(for: .milliseconds(2)) }
        for _ in 0..<3 {
          let before = other.marks.stamp
          #expect(await one.purges.purge([.tenant("growth")]) == .redis(unheard: [:]))
          #expect(other.marks.covers(before, key, scopes))
        }
        group.cancelAll()
      }
    }
  }

  @Test("a replica of the fleet that is silent is named, until it has left")
  func silent() async throws {
    try await withRedisClients(2) { clients in
      let time = SystemTime()
      let (one, other) = (PurgeReplica(clients[0], time: time), PurgeReplica(clients[1]))
      for replica in [one, other] { try await join(replica, clients[0]) }
      await other.look()
      let began = time.now()
      #expect(await one.purges.purge([.tenant("growth")]) == .redis(unheard: [other.id: address]))
      #expect(time.now() - began >= .seconds(3))
      _ = try await clients[0].send(RedisCommand("HDEL", PurgeReplica.keys.part("addresses"), other.id.bytes))
      #expect(await one.purges.purge([.tenant("growth")]) == .redis(unheard: [:]))
    }
  }

  @Test("a replica that was told has heard once it says so, not when its reply was sent", arguments: [false, true])
  func acknowledged(hears: Bool) async throws {
    try await withRedisClients(2) { clients in
      let (one, other) = (PurgeReplica(clients[0], time: SystemTime()), PurgeReplica(clients[1]))
      for replica in [one, other] { try await join(replica, clients[0]) }
      await other.purges.catchUp()
      let before = other.marks.stamp
      let reach = try await whilePurging(one, clients[1]) {
        // Often: none of them says that it knows.
        for _ in 0..<3 { try await other.lookInVain() }
        if hears { await other.look() }
      }
      #expect(reach == .redis(unheard: hears ? [:] : [other.id: address]))
      #expect(other.marks.covers(before, key, scopes) == hears)
    }
  }

  @Test("where Redis loses a purge while replicas are waited for, those that looked meanwhile have not heard of it")
  func lostMeanwhile() async throws {
    try await withRedisClients(2) { clients in
      let (one, other) = (PurgeReplica(clients[0], time: SystemTime()), PurgeReplica(clients[1]))
      for replica in [one, other] {
        try await join(replica, clients[0])
        await replica.look()
      }
      let reach = try await whilePurging(one, clients[1]) {
        // In one go, as if `one` had been slow: another server has taken over, and `other` has looked twice there.
        let keys = PurgeScript.keys(PurgeReplica.keys)
        _ = try await clients[1].evaluate(Self.loss, keys: keys, arguments: [one.id.bytes, other.id.bytes + Array(":knows".utf8)])
      }
      #expect(reach == .redis(unheard: [other.id: address]))
    }
  }
}
