import Logging
import RedisTestSupport
import Testing
import WeirCache
import WeirCore
import WeirFleet
import WeirRedis
import WeirTestSupport

@Suite(.serialized, .enabled(if: RedisServer.executable != nil, "redis-server is not on PATH"), .timeLimit(.minutes(3)))
struct FleetPurgesTests {
  private let keys = PurgeReplica.keys
  private let key = CacheKeyBuilder(partition: .all, upstream: "u", credential: "c", definition: [], method: "m", tool: "t").key(arguments: [])
  private let scopes = PurgeScopes(upstream: "u", tool: "t", tags: ["x"]).asked(by: "growth", isShared: false)

  private func replica(_ client: RedisClient, time: any TimeSource = ManualTime()) -> PurgeReplica { PurgeReplica(client, time: time) }

  private func score(_ member: String, _ client: RedisClient) async throws -> Int64? { try await PurgeReplica.score(member, client) }

  private let entry = CacheEntry(
    value: Array("answer".utf8), storedAt: WallTime(milliseconds: 0), freshFor: .seconds(600), staleFor: .seconds(60), cost: .zero)

  @Test("what one replica purges another learns of when it looks; its answers from before are none there, and those from after are")
  func twoReplicas() async throws {
    try await withRedisClients(2) { clients in
      let (one, other) = (replica(clients[0]), replica(clients[1]))
      await other.purges.catchUp()
      await other.store.store(key, entry, owner: nil, since: other.store.ticket(for: key, of: scopes))
      #expect(await one.store.fetch(key, of: scopes, owner: nil).hit != nil)
      let before = other.marks.stamp
      #expect(await one.purges.purge([.tenant("growth")]) == .redis(unheard: [:]))
      #expect(one.store.peek(key, of: scopes, now: .zero) == nil)
      #expect(await one.store.fetch(key, of: scopes, owner: nil).hit == nil)
      // The other has not looked yet.
      #expect(!other.marks.covers(before, key, scopes))
      await other.look()
      #expect(other.marks.covers(before, key, scopes) && !other.marks.covers(other.marks.stamp, key, scopes))
      await other.store.store(key, entry, owner: nil, since: other.store.ticket(for: key, of: scopes))
      #expect(await one.store.fetch(key, of: scopes, owner: nil).hit != nil)
    }
  }

  @Test("an answer that was asked for before a purge is kept nowhere, whoever fetches it")
  func underWay() async throws {
    try await withRedisClients(2) { clients in
      let (one, other) = (replica(clients[0]), replica(clients[1]))
      await other.purges.catchUp()
      let ticket = other.store.ticket(for: key, of: scopes)
      #expect(await one.purges.purge([.tag("x")]) == .redis(unheard: [:]))
      // The other has not heard of it, so it keeps the answer and writes it; it counts nowhere.
      await other.store.store(key, entry, owner: nil, since: ticket)
      #expect(other.store.peek(key, of: scopes, now: .zero) != nil)
      #expect(await one.store.fetch(key, of: scopes, owner: nil).hit == nil)
      #expect(one.store.tally.purged == 1)
      await other.look()
      #expect(other.store.peek(key, of: scopes, now: .zero) == nil)
      #expect(await other.store.fetch(key, of: scopes, owner: nil).hit == nil)
    }
  }

  @Test("a message makes others look at once; without one they look within a second")
  func messages() async throws {
    try await withRedisClients(2) { clients in
      let time = ManualTime()
      let (one, other) = (replica(clients[0]), replica(clients[1], time: time))
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await other.purges.run() }
        while other.marks.heardAt == nil { try await Task.sleep(for: .milliseconds(2)) }
        // Its subscription is confirmed once a purge comes through without the clock having moved.
        var number = 0
        while other.marks.count == 0 {
          number += 1
          #expect(await one.purges.purge([.tag(Name("t\(number)"))]) == .redis(unheard: [:]))
          try await Task.sleep(for: .milliseconds(20))
        }
        // Set behind everybody's back: a purge whose message was lost.
        let clock = try #require(try await score("clock", clients[0]))
        _ = try await clients[0].send(
          RedisCommand("ZADD", keys.part("purges"), Array(String(clock + 1_000_000).utf8), Array("tenant:growth".utf8)))
        let before = other.marks.stamp
        time.advance(by: FleetPurges.interval)
        while !other.marks.covers(before, key, scopes) { try await Task.sleep(for: .milliseconds(2)) }
        group.cancelAll()
      }
    }
  }

  @Test("times only rise, also where the clock is set back, and by another server's clock")
  func monotone() async throws {
    try await withRedis { client in
      let one = replica(client)
      var last: Int64 = 0
      for number in 0..<50 {
        #expect(await one.purges.purge([.tag(Name("t\(number % 3)"))]) == .redis(unheard: [:]))
        let time = try #require(try await score("tag:t\(number % 3)", client))
        #expect(time > last)
        last = time
      }
      // As if the clock had stood an hour later before.
      let ahead = last + 3_600_000_000
      _ = try await client.send(RedisCommand("ZADD", keys.part("purges"), Array(String(ahead).utf8), Array("clock".utf8)))
      let two = replica(client)
      await two.purges.catchUp()
      #expect(two.marks.stamp.asked == ahead)
      #expect(await one.purges.purge([.all]) == .redis(unheard: [:]))
      #expect(try await score("all", client) == ahead + 1)
      // Another server took over that had heard of nothing: what a replica was told holds.
      _ = try await client.send(RedisCommand("FLUSHALL"))
      #expect(await two.purges.purge([.tag("after")]) == .redis(unheard: [:]))
      let after = try #require(try await score("tag:after", client))
      #expect(after > ahead)
    }
  }

  @Test("what Redis has lost its replicas bring back")
  func restored() async throws {
    try await withRedis { client in
      let one = replica(client)
      #expect(await one.purges.purge([.tenant("growth"), .upstream("u")]) == .redis(unheard: [:]))
      let time = try #require(try await score("tenant:growth", client))
      _ = try await client.send(RedisCommand("FLUSHALL"))
      let generation = one.marks.generation
      #expect(await one.purges.purge([]) == .redis(unheard: [:]))
      #expect(try await score("tenant:growth", client) == time)
      #expect(one.marks.generation == generation, "nothing was purged again")
      let new = replica(client)
      await new.purges.catchUp()
      #expect(new.marks.covers(PurgeStamp(asked: time - 1), key, scopes) && !new.marks.covers(PurgeStamp(asked: time), key, scopes))
    }
  }

  @Test("marks are bounded: the oldest become one of everything")
  func bounded() async throws {
    try await withRedis { client in
      let one = replica(client)
      var first: Int64 = 0
      for round in 0..<26 {
        #expect(await one.purges.purge((0..<50).map { .tag(Name("t\(round * 50 + $0)")) }) == .redis(unheard: [:]))
        if round == 0 { first = try #require(try await score("tag:t0", client)) }
      }
      guard case .integer(let count) = try await client.send(RedisCommand("ZCARD", keys.part("purges"))) else {
        Issue.record("no count")
        return
      }
      #expect(count <= 1024 + 52)
      let all = try #require(try await score("all", client))
      #expect(try await score("tag:t0", client) == nil)
      #expect(all >= first)
      let new = replica(client)
      await new.purges.catchUp()
      #expect(new.marks.covers(PurgeStamp(asked: first - 1), key, .none))
    }
  }

  @Test("a purge by key removes the value, its marker and the lease of whoever fetches it")
  func byKey() async throws {
    try await withRedis { client in
      let one = replica(client)
      await one.purges.catchUp()
      await one.store.store(key, entry, owner: nil, since: one.store.ticket(for: key, of: scopes))
      _ = try await client.send(RedisCommand("SADD", keys.part("waiters", of: key), ReplicaID.random().bytes))
      for name in ["lease", "marker"] {
        _ = try await client.send(RedisCommand("SET", keys.part(name, of: key), Array("x".utf8)))
      }
      #expect(await one.purges.purge([.key(key)]) == .redis(unheard: [:]))
      for (name, left) in [
        (keys.value(key), 0 as Int64), (keys.part("lease", of: key), 0), (keys.part("marker", of: key), 0), (keys.part("waiters", of: key), 0),
      ] {
        #expect(try await client.send(RedisCommand("EXISTS", name)) == .integer(left))
      }
      #expect(one.store.peek(key, of: scopes, now: .zero) == nil)
    }
  }

  @Test("without Redis a purge counts here, and is told as soon as Redis is back")
  func outage() async throws {
    try await RedisServer.with { server in
      var configuration = RedisConfiguration(.single(server.endpoint))
      configuration.commandTimeout = .seconds(5)
      configuration.connectTimeout = .seconds(5)
      let client = try RedisClient(configuration: configuration, logger: Logger(label: "test"))
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await client.run() }
        try #require(await client.waitUntilReady(timeout: .seconds(30)))
        let one = replica(client, time: SystemTime())
        await one.purges.catchUp()
        await one.store.store(key, entry, owner: nil, since: one.store.ticket(for: key, of: scopes))
        await server.kill()
        #expect(await one.purges.purge([.tenant("growth")]) == .replica)
        #expect(one.marks.isPending([.tenant("growth")]))
        #expect(one.store.peek(key, of: scopes, now: SystemTime().now()) == nil)
        try await server.start()
        group.addTask { await one.purges.run() }
        while one.marks.isPending([.tenant("growth")]) { try await Task.sleep(for: .milliseconds(10)) }
        #expect(try await score("tenant:growth", client) != nil)
        group.cancelAll()
      }
    }
  }
}
