import RedisTestSupport
import Testing
import WeirCache
import WeirCore
import WeirRedis
import WeirTestSupport

@testable import WeirFleet

@Suite(.serialized, .enabled(if: RedisServer.executable != nil, "redis-server is not on PATH"), .timeLimit(.minutes(3)))
struct FleetPurgeLossTests {
  private let key = CacheKeyBuilder(partition: .all, upstream: "u", credential: "c", definition: [], method: "m", tool: "t").key(arguments: [])
  private let scopes = PurgeScopes(upstream: "u", tool: "t", tags: []).asked(by: "growth", isShared: false)
  private let entry = CacheEntry(
    value: Array("answer".utf8), storedAt: WallTime(milliseconds: 0), freshFor: .seconds(600), staleFor: .seconds(60), cost: .zero)

  /// What is older when Redis comes back.
  enum Loss: CaseIterable, Sendable {
    case marksAlone, everything

    var keys: [[UInt8]] { self == .marksAlone ? [PurgeReplica.keys.part("purges")] : PurgeScript.keys(PurgeReplica.keys) }
  }

  /// Whether Redis' clock goes on, or stands still since it was set back.
  enum Clock: CaseIterable, Sendable {
    case running, setBack
  }

  private struct Snapshot {
    let values: [(key: [UInt8], value: [UInt8])]

    init(_ keys: [[UInt8]], _ client: RedisClient) async throws {
      var values: [(key: [UInt8], value: [UInt8])] = []
      for key in keys {
        guard case .bulk(let value?) = try await client.send(RedisCommand("DUMP", key)) else { continue }
        values.append((key, value))
      }
      try #require(values.count == keys.count)
      self.values = values
    }

    func restore(_ client: RedisClient) async throws {
      for (key, value) in values { _ = try await client.send(RedisCommand("RESTORE", key, Array("0".utf8), value, Array("REPLACE".utf8))) }
    }
  }

  private func score(_ member: String, _ client: RedisClient) async throws -> Int64? { try await PurgeReplica.score(member, client) }

  @Test(
    "a purge that Redis has lost, since it came back older, is told again by who knows it, whoever spoke first", arguments: Loss.allCases,
    Clock.allCases)
  func restoresOld(_ loss: Loss, _ clock: Clock) async throws {
    try await withRedisClients(4) { clients in
      let (one, other) = (PurgeReplica(clients[0]), PurgeReplica(clients[1]))
      await other.purges.catchUp()
      await other.store.store(key, entry, owner: nil, since: other.store.ticket(for: key, of: scopes))
      if clock == .setBack {
        let ahead = try #require(try await score("clock", clients[0])) + 3_600_000_000
        _ = try await clients[0].send(RedisCommand("ZADD", PurgeReplica.keys.part("purges"), Array(String(ahead).utf8), Array("clock".utf8)))
      }
      for replica in [one, other] { await replica.look() }
      let snapshot = try await Snapshot(loss.keys, clients[0])
      #expect(await one.purges.purge([.tenant("growth")]) == .redis(unheard: [:]))
      let time = try #require(try await score("tenant:growth", clients[0]))
      try await snapshot.restore(clients[0])
      #expect(try await score("tenant:growth", clients[0]) == nil)

      // They have heard of nothing, and move the clock.
      let started = PurgeReplica(clients[2])
      for replica in [other, started] { await replica.look() }
      #expect(await started.store.fetch(key, of: scopes, owner: nil).hit != nil, "nobody has told it")
      await one.look()
      #expect(try await score("tenant:growth", clients[0]) == time)
      let new = PurgeReplica(clients[3])
      for replica in [other, started, new] {
        await replica.look()
        #expect(replica.store.peek(key, of: scopes, now: .zero) == nil)
        #expect(await replica.store.fetch(key, of: scopes, owner: nil).hit == nil)
      }
      #expect(one.marks.generation == 1, "nothing was purged again")
    }
  }

  @Test("a replica whose question arrived, but not what Redis said to it, tells what was lost nevertheless", arguments: Loss.allCases)
  func unheard(_ loss: Loss) async throws {
    try await withRedis { client in
      let one = PurgeReplica(client)
      await one.look()
      let snapshot = try await Snapshot(loss.keys, client)
      #expect(await one.purges.purge([.tenant("growth")]) == .redis(unheard: [:]))
      let time = try await score("tenant:growth", client)
      try await snapshot.restore(client)
      for _ in 0..<3 { try await one.lookInVain() }
      await one.look()
      #expect(try await score("tenant:growth", client) == time)
    }
  }

  @Test("marks that are older make one new epoch, however many replicas notice; one that starts makes none")
  func epochs() async throws {
    try await withRedis { client in
      let replicas = (0..<5).map { _ in PurgeReplica(client) }
      for replica in replicas { await replica.look() }
      let old = try await score("epoch", client)
      let snapshot = try await Snapshot(Loss.everything.keys, client)
      #expect(await replicas[0].purges.purge([.all]) == .redis(unheard: [:]))
      for replica in replicas { await replica.look() }
      #expect(try await score("epoch", client) == old)
      try await snapshot.restore(client)
      var epochs: Set<Int64?> = []
      for replica in replicas + replicas + [PurgeReplica(client)] {
        await replica.look()
        epochs.insert(try await score("epoch", client))
      }
      #expect(epochs.count == 1 && !epochs.contains(old))
      #expect(replicas.allSatisfy { $0.marks.generation == 1 })
    }
  }
}
