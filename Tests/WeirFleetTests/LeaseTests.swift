import Foundation
import RedisTestSupport
import Testing
import WeirCache
import WeirCore
import WeirFlow
import WeirRedis
import WeirTestSupport

@testable import WeirFleet

@Suite(
  "Leases in a real Redis (issue 5)", .serialized, .enabled(if: RedisServer.executable != nil, "redis-server is not on PATH"), .timeLimit(.minutes(3))
)
struct LeaseTests {
  static let keys = FleetKeys(prefix: "test")

  private static func store(_ client: RedisClient) -> RedisSharedStore {
    RedisSharedStore(
      client: client, keys: keys,
      purges: FleetPurges(id: .random(), marks: PurgeMarks(isMirror: true), client: client, keys: keys, time: SystemTime()))
  }

  static func key(_ number: Int = 0) -> CacheKey {
    CacheKeyBuilder(partition: .all, upstream: "u", credential: "c", definition: [], method: "tools/call", tool: "t")
      .key(arguments: Array("\(number)".utf8))
  }

  static func question(_ token: LeaseToken = .random(), fresherThan: Duration? = .zero) -> LeaseQuestion {
    LeaseQuestion(token: token, fresherThan: fresherThan)
  }

  /// A value as replicas write it.
  static func value(_ text: String, fresh: Duration = .seconds(60), stale: Duration = .zero, of key: CacheKey = key()) -> [UInt8] {
    EntryEnvelope.encode(
      CacheEntry(value: Array(text.utf8), storedAt: WallTime(milliseconds: 0), freshFor: fresh, staleFor: stale), for: key)
  }

  /// How many keys there are.
  static func size(_ client: RedisClient) async -> Int64? {
    guard case .integer(let count)? = try? await client.send(RedisCommand("DBSIZE")) else { return nil }
    return count
  }

  /// Two replicas that hear wakes, and a client to look behind them.
  static func withReplicas(_ body: (RedisLeases, RedisLeases, RedisClient) async throws -> Void) async throws {
    try await withRedisClients(3) { clients in
      let first = RedisLeases(id: .random(), client: clients[0], keys: keys)
      let second = RedisLeases(id: .random(), client: clients[1], keys: keys)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for replica in [first, second] { group.addTask { await replica.run() } }
        while !first.hearsWakes || !second.hearsWakes { try await Task.sleep(for: .milliseconds(5)) }
        try await body(first, second, clients[2])
        group.cancelAll()
      }
    }
  }

  @Test("of 64 racers one leads, the others follow")
  func race() async throws {
    try await Self.withReplicas { first, second, _ in
      let answers = await withTaskGroup(of: LeaseAnswer.self) { group in
        for number in 0..<64 { group.addTask { await (number.isMultiple(of: 2) ? first : second).look(for: Self.key(), Self.question()) } }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(answers.filter { $0 == .led }.count == 1)
      let followers = answers.filter { if case .followed(let left) = $0 { left > .zero && left <= LeaseMachine.lease } else { false } }
      #expect(followers.count == 63)
    }
  }

  @Test("who looks twice with the lease still leads: its first reply may have been lost")
  func again() async throws {
    try await Self.withReplicas { first, _, _ in
      let question = Self.question()
      #expect(await first.look(for: Self.key(), question) == .led)
      #expect(await first.look(for: Self.key(), question) == .led)
    }
  }

  @Test("a commit gives the value to all and wakes who follows; a second one changes nothing")
  func commit() async throws {
    try await Self.withReplicas { first, second, client in
      let (token, signal, others) = (LeaseToken.random(), WakeSignal(), WakeSignal())
      _ = second.listen(for: Self.key()) { signal.wake() }
      _ = second.listen(for: Self.key(1)) { others.wake() }
      #expect(await first.look(for: Self.key(), Self.question(token)) == .led)
      guard case .followed = await second.look(for: Self.key(), Self.question()) else { return #expect(Bool(false), "it does not follow") }
      let value = Self.value("answer")
      for _ in 0..<2 {
        #expect(await first.end(Self.key(), token, as: .value(value, ttl: .seconds(60))) == .accepted)
      }
      let time = SystemTime()
      #expect(await signal.wait(until: time.now() + .seconds(30), on: time))
      #expect(await !others.wait(until: time.now() + .milliseconds(1), on: time))
      guard case .value(value, let left) = await second.look(for: Self.key(), Self.question()) else {
        return #expect(Bool(false), "there is no value")
      }
      #expect(left > .seconds(30) && left <= .seconds(60))
      // Nothing but the value is left.
      #expect(await Self.size(client) == 1)
    }
  }

  @Test("where Redis is full the lease ends all the same, and who follows is told (issue 5)", arguments: [true, false])
  func full(isValue: Bool) async throws {
    try await Self.withReplicas { first, second, client in
      let (token, signal) = (LeaseToken.random(), WakeSignal())
      _ = second.listen(for: Self.key()) { signal.wake() }
      #expect(await first.look(for: Self.key(), Self.question(token)) == .led)
      guard case .followed = await second.look(for: Self.key(), Self.question()) else { return #expect(Bool(false), "it does not follow") }
      func limit(_ bytes: String) async throws {
        _ = try await client.send(RedisCommand("CONFIG", Array("SET".utf8), Array("maxmemory".utf8), Array(bytes.utf8)))
      }
      try await limit("1")
      let value = Self.value("answer")
      let end = isValue ? LeaseEnd.value(value, ttl: .seconds(60)) : .marker(value, ttl: .seconds(60))
      #expect(await first.end(Self.key(), token, as: end) == .unavailable)
      let time = SystemTime()
      #expect(await signal.wait(until: time.now() + .seconds(30), on: time))
      #expect(await second.look(for: Self.key(), Self.question()) == .unavailable)
      #expect(await Self.size(client) == 0)
      try await limit("0")
      #expect(await second.look(for: Self.key(), Self.question()) == .led)
    }
  }

  @Test("a lease that ends is taken over by exactly one, and the late commit is refused")
  func takeOver() async throws {
    try await Self.withReplicas { first, second, client in
      let lost = LeaseToken.random()
      #expect(await first.look(for: Self.key(), Self.question(lost)) == .led)
      // As if its time was over.
      _ = try await client.send(RedisCommand("DEL", Self.keys.lease(of: Self.key())[1]))
      let answers = await withTaskGroup(of: LeaseAnswer.self) { group in
        for _ in 0..<16 { group.addTask { await second.look(for: Self.key(), Self.question()) } }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(answers.filter { $0 == .led }.count == 1)
      #expect(await first.renew(Self.key(), lost) == .refused)
      #expect(await first.end(Self.key(), lost, as: .value(Self.value("late"), ttl: .seconds(60))) == .refused)
      #expect(await first.end(Self.key(), lost, as: .nothing) == .refused)
      guard case .followed = await first.look(for: Self.key(), Self.question()) else { return #expect(Bool(false), "the late one changed something") }
    }
  }

  @Test("a lease ends after three seconds unless it is renewed")
  func renewal() async throws {
    try await Self.withReplicas { first, second, client in
      let token = LeaseToken.random()
      let lease = Self.keys.lease(of: Self.key())[1]
      #expect(await first.look(for: Self.key(), Self.question(token)) == .led)
      _ = try await client.send(RedisCommand("PEXPIRE", lease, Array("500".utf8)))
      #expect(await first.renew(Self.key(), token) == .accepted)
      guard case .integer(let left) = try await client.send(RedisCommand("PTTL", lease)) else { return #expect(Bool(false), "it has no end") }
      #expect(left > 2000 && left <= 3000)
      #expect(await second.renew(Self.key(), .random()) == .refused)
    }
  }

  @Test("how a flight ended without a value is told while it is true, and a value overrides it")
  func marker() async throws {
    try await Self.withReplicas { first, second, client in
      let marker = Array("marker".utf8)
      let token = LeaseToken.random()
      #expect(await first.look(for: Self.key(), Self.question(token)) == .led)
      #expect(await first.end(Self.key(), token, as: .marker(marker, ttl: .seconds(5))) == .accepted)
      guard case .marker(marker, let left) = await second.look(for: Self.key(), Self.question()) else {
        return #expect(Bool(false), "there is no marker")
      }
      #expect(left > .seconds(1) && left <= .seconds(5))
      let store = Self.store(client)
      #expect(await store.put(Self.key(), Self.value("healed"), ttl: .seconds(60)))
      guard case .value = await second.look(for: Self.key(), Self.question()) else { return #expect(Bool(false), "the marker hides the value") }
    }
  }

  @Test(
    "a value is as fresh as Redis says that it will still live, less its stale window",
    arguments: [
      (remaining: 50, wanted: Duration?.none, isFound: true), (50, .zero, false), (61, .zero, true), (61, .seconds(20), false),
      (90, .seconds(20), true),
    ])
  func freshness(remaining: Int, wanted: Duration?, isFound: Bool) async throws {
    try await withRedis { client in
      let leases = RedisLeases(id: .random(), client: client, keys: Self.keys)
      let value = Self.value("old", fresh: .seconds(100), stale: .seconds(60))
      #expect(await Self.store(client).put(Self.key(), value, ttl: .seconds(remaining)))
      let answer = await leases.look(for: Self.key(), Self.question(fresherThan: wanted))
      if isFound { if case .value(value, _) = answer {} else { #expect(Bool(false), "\(answer)") } } else { #expect(answer == .led) }
    }
  }

  @Test("what is no envelope is no value, and what was read and not believed is looked past")
  func disbelief() async throws {
    try await withRedis { client in
      let leases = RedisLeases(id: .random(), client: client, keys: Self.keys)
      let store = Self.store(client)
      #expect(await store.put(Self.key(), Array("rubbish".utf8), ttl: .seconds(60)))
      #expect(await leases.look(for: Self.key(), Self.question()) == .led)
      let wrong = Self.value("wrong", of: Self.key(1))
      #expect(await store.put(Self.key(2), wrong, ttl: .seconds(60)))
      var question = Self.question()
      guard case .value(wrong, _) = await leases.look(for: Self.key(2), question) else { return #expect(Bool(false), "no value") }
      question.disbelieved = Array(wrong.suffix(16))
      #expect(await leases.look(for: Self.key(2), question) == .led)
    }
  }

  @Test("a removal takes the lease too, wakes who follows, and what was asked for before is not stored after")
  func removal() async throws {
    try await Self.withReplicas { first, second, client in
      let (token, signal) = (LeaseToken.random(), WakeSignal())
      _ = second.listen(for: Self.key()) { signal.wake() }
      #expect(await first.look(for: Self.key(), Self.question(token)) == .led)
      _ = await second.look(for: Self.key(), Self.question())
      #expect(await Self.store(client).remove(Self.key()))
      let time = SystemTime()
      #expect(await signal.wait(until: time.now() + .seconds(30), on: time))
      #expect(await first.end(Self.key(), token, as: .value(Self.value("old"), ttl: .seconds(60))) == .refused)
      #expect(await Self.size(client) == 0)
    }
  }

  @Test("what is said behind the callers' backs is said, before the replica leaves at the latest")
  func later() async throws {
    try await withRedis { client in
      let leases = RedisLeases(id: .random(), client: client, keys: Self.keys)
      let tokens = (0..<20).map { _ in LeaseToken.random() }
      for (number, token) in tokens.enumerated() { #expect(await leases.look(for: Self.key(number), Self.question(token)) == .led) }
      for (number, token) in tokens.enumerated() { leases.endLater(Self.key(number), token, as: .nothing) }
      #expect(await Self.size(client) == 20)
      await leases.leave()
      #expect(await Self.size(client) == 0)
    }
  }

  @Test(
    "what reaches Redis late lives for what is left of its life",
    arguments: [(life: 5000, late: 2000, most: 3000), (1500, 2000, 0), (5000, -60_000, 5000)])
  func late(life: Int, late: Int, most: Int64) async throws {
    try await withRedis { client in
      let clock: @Sendable () -> Int64? = { (SystemTime().wall().milliseconds - Int64(late)) * 1000 }
      let leases = RedisLeases(id: .random(), client: client, keys: Self.keys, clock: clock)
      let token = LeaseToken.random()
      #expect(await leases.look(for: Self.key(), Self.question(token)) == .led)
      #expect(await leases.end(Self.key(), token, as: .value(Self.value("late"), ttl: .milliseconds(life))) == .accepted)
      let purges = FleetPurges(id: .random(), marks: PurgeMarks(isMirror: true), client: client, keys: Self.keys, time: SystemTime())
      let store = RedisSharedStore(client: client, keys: Self.keys, purges: purges, clock: clock)
      #expect(await store.put(Self.key(1), Self.value("late"), ttl: .milliseconds(life)) == (most > 0))
      for number in 0...1 {
        guard case .integer(let left) = try await client.send(RedisCommand("PTTL", Self.keys.value(Self.key(number)))) else {
          return #expect(Bool(false), "no lifetime")
        }
        #expect(most > 0 ? left > 0 && left <= most : left == -2, "\(left)")
      }
    }
  }

  @Test("an end that Redis did not hear is said again until it does, so that nobody waits for the lease")
  func insisting() async throws {
    try await RedisServer.with { server in
      var configuration = RedisConfiguration(.single(server.endpoint))
      configuration.commandTimeout = .milliseconds(200)
      try await withRunning(configuration) { client in
        let leases = RedisLeases(id: .random(), client: client, keys: Self.keys)
        let token = LeaseToken.random()
        try #require(await leases.look(for: Self.key(), Self.question(token)) == .led)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { await leases.run() }
          server.signal(SIGSTOP)
          leases.endLater(Self.key(), token, as: .value(Self.value("kept"), ttl: .seconds(60)))
          try await Task.sleep(for: .milliseconds(600))
          server.signal(SIGCONT)
          var answer = LeaseAnswer.unavailable
          for _ in 0..<200 {
            answer = await leases.look(for: Self.key(), Self.question())
            if case .value = answer { break }
            try await Task.sleep(for: .milliseconds(10))
          }
          if case .value = answer {} else { #expect(Bool(false), "\(answer)") }
          group.cancelAll()
        }
      }
    }
  }

  @Test("scripts that Redis has forgotten, and leases that it has lost, cost a second request at most")
  func losses() async throws {
    try await Self.withReplicas { first, second, client in
      let token = LeaseToken.random()
      #expect(await first.look(for: Self.key(), Self.question(token)) == .led)
      _ = try await client.send(RedisCommand("SCRIPT", Array("FLUSH".utf8)))
      guard case .followed = await second.look(for: Self.key(), Self.question()) else { return #expect(Bool(false), "the lease is gone") }
      _ = try await client.send(RedisCommand("FLUSHALL"))
      #expect(await first.end(Self.key(), token, as: .value(Self.value("lost"), ttl: .seconds(60))) == .refused)
      #expect(await second.look(for: Self.key(), Self.question()) == .led)
    }
  }

  @Test("a hit takes one command, a miss that is led two")
  func commands() async throws {
    try await withRedis { client in
      let leases = RedisLeases(id: .random(), client: client, keys: Self.keys)
      let store = Self.store(client)
      let token = LeaseToken.random()
      let before = client.stats.commands
      #expect(await leases.look(for: Self.key(), Self.question(token)) == .led)
      #expect(await leases.end(Self.key(), token, as: .value(Self.value("answer"), ttl: .seconds(60))) == .accepted)
      #expect(client.stats.commands == before + 2)
      guard case .value = await leases.look(for: Self.key(), Self.question()) else { return #expect(Bool(false), "no value") }
      #expect(client.stats.commands == before + 3)
      guard case .found = await store.get(Self.key()) else { return #expect(Bool(false), "no value") }
      #expect(client.stats.commands == before + 4)
      #expect(await store.get(Self.key(1)) == .missing)
    }
  }

  @Test("who follows before messages arrive is told as soon as they do: one may have been missed")
  func subscription() async throws {
    try await withRedis { client in
      let leases = RedisLeases(id: .random(), client: client, keys: Self.keys)
      let signal = WakeSignal()
      _ = leases.listen(for: Self.key()) { signal.wake() }
      #expect(!leases.hearsWakes)
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await leases.run() }
        let time = SystemTime()
        #expect(await signal.wait(until: time.now() + .seconds(30), on: time))
        #expect(leases.hearsWakes)
        group.cancelAll()
      }
      #expect(!leases.hearsWakes)
    }
  }

  @Test("in a cluster, where all about a key has to lie in one slot")
  func cluster() async throws {
    var options = RedisServer.Options()
    options.more = ["--cluster-enabled", "yes", "--cluster-port", "\(try await RedisServer.freePort())"]
    try await RedisServer.with(options) { server in
      try await withRunning(RedisConfiguration(.single(server.endpoint))) { client in
        _ = try await client.send(RedisCommand(words: "CLUSTER ADDSLOTSRANGE 0 16383".split(separator: " ").map { Array($0.utf8) }))
        // The server takes a moment to call its cluster whole.
        for _ in 0..<500 {
          let reply = try await client.send(RedisCommand("CLUSTER", Array("INFO".utf8)))
          if case .bulk(let text?) = reply, String(decoding: text, as: UTF8.self).contains("cluster_state:ok") { break }
          try await Task.sleep(for: .milliseconds(10))
        }
      }
      try await withRunning(RedisConfiguration(.cluster(seeds: [server.endpoint]))) { client in
        let leases = RedisLeases(id: .random(), client: client, keys: Self.keys)
        let store = Self.store(client)
        for number in 0..<8 {
          let (token, key) = (LeaseToken.random(), Self.key(number))
          #expect(await leases.look(for: key, Self.question(token)) == .led)
          guard case .followed = await leases.look(for: key, Self.question()) else { return #expect(Bool(false), "it does not follow") }
          #expect(await leases.renew(key, token) == .accepted)
          #expect(await leases.end(key, token, as: .value(Self.value("answer", of: key), ttl: .seconds(60))) == .accepted)
          guard case .found = await store.get(key) else { return #expect(Bool(false), "no value") }
          #expect(await store.remove(key))
        }
      }
    }
  }
}

extension RedisLeases {
  fileprivate func end(_ key: CacheKey, _ token: LeaseToken, as end: LeaseEnd) async -> LeaseReceipt {
    await self.end(key, token, as: end, within: patience)
  }
}
