import Foundation
import NIOConcurrencyHelpers
import RedisTestSupport
import Testing
import WeirRedis

extension NetworkTests {
  /// Against three real servers.
  @Suite(
    .enabled(if: RedisServer.executable != nil && RedisServer.cli != nil, "redis-server or redis-cli is not on PATH"), .timeLimit(.minutes(4)))
  struct ClusterTests {
    private let script = RedisScript("redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[2])")

    private func name(_ tag: Int, _ field: String = "v") -> [UInt8] { bytes("weir:\(field):{\(tag)}") }

    @Test("every key is found where it lies, from one seed, without a redirection; scripts and pipelines for keys of one tag too")
    func everywhere() async throws {
      try await RedisCluster.with { cluster in
        try await withClient(cluster.configuration()) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          #expect(client.stats.servers == 3)
          for tag in 0..<60 {
            let (value, lease) = (name(tag), name(tag, "lease"))
            let set = RedisCommand("SET", value, bytes("\(tag)"))
            #expect(try await client.pipeline([set, RedisCommand("GET", value)], key: value) == [.simple("OK"), .bulk(bytes("\(tag)"))])
            #expect(try await client.evaluate(script, keys: [lease, value], arguments: [bytes("x")]) == .bulk(bytes("\(tag)")))
          }
          #expect(client.stats.redirections <= 3, "but for scripts that a server sees for the first time")
          var sizes: [String] = []
          for primary in cluster.primaries { sizes.append(try await primary.cli(["dbsize"])) }
          #expect(sizes.allSatisfy { $0 != "0\n" }, "\(sizes)")
          let error = await #expect(throws: RedisError.self) { try await client.evaluate(script, keys: [name(1), name(2)], arguments: []) }
          #expect(error?.code == .invalidCommand)
        }
      }
    }

    @Test("a command without its key, or for another's, is redirected and answered")
    func wrongKey() async throws {
      try await RedisCluster.with { cluster in
        try await withClient(cluster.configuration()) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          for tag in 0..<12 {
            #expect(try await client.send(RedisCommand("SET", name(tag), bytes("\(tag)"))) == .simple("OK"))
            #expect(try await client.send(RedisCommand("GET", name(tag)), key: name(tag + 1)) == .bulk(bytes("\(tag)")))
          }
          #expect(client.stats.redirections > 0)
        }
      }
    }

    @Test("a slot on the move: ASK while keys are at both ends, TRYAGAIN for several, MOVED once it has moved; the map is learned")
    func moving() async throws {
      try await RedisCluster.with { cluster in
        var configuration = cluster.configuration()
        configuration.shortestRefresh = .seconds(60)
        try await withClient(configuration) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          let slot = ClusterSlot(of: name(7)).number
          let source = try await cluster.owner(of: slot)
          let target = try #require(cluster.primaries.first { $0.port != source.port })
          #expect(try await client.send(RedisCommand("SET", name(7), bytes("old")), key: name(7)) == .simple("OK"))
          try await cluster.beginMove(of: slot, from: source, to: target)
          try await cluster.moveKeys(of: slot, from: source, to: target)
          #expect(try await client.send(RedisCommand("GET", name(7)), key: name(7)) == .bulk(bytes("old")), "ASK")
          #expect(try await client.evaluate(script, keys: [name(7), name(7)], arguments: [bytes("new")]) == .bulk(bytes("new")), "ASK, NOSCRIPT")
          let asks = client.stats.redirections
          #expect(try await client.send(RedisCommand("GET", name(7)), key: name(7)) == .bulk(bytes("new")))
          #expect(client.stats.redirections == asks + 1, "ASK teaches nothing")
          await keysAtBothEnds(client)
          try await cluster.moveKeys(of: slot, from: source, to: target)
          try await cluster.endMove(of: slot, from: source, to: target)
          let before = client.stats.redirections
          for _ in 0..<5 { #expect(try await client.send(RedisCommand("GET", name(7)), key: name(7)) == .bulk(bytes("new"))) }
          #expect(client.stats.redirections == before + 1, "MOVED once")
        }
      }
    }

    /// One of two keys has moved: a command for both gets TRYAGAIN until its time is up.
    private func keysAtBothEnds(_ client: RedisClient) async {
      let mget = RedisCommand("MGET", name(7), name(7, "other"))
      let started = ContinuousClock.now
      let error = await #expect(throws: RedisError.self) { try await client.send(mget, key: name(7), timeout: .milliseconds(100)) }
      // On a busy machine the time may be up before an attempt is answered, or written.
      #expect([.notReady, .timedOut, .overloaded].contains(error?.code), "\(error?.description ?? "")")
      #expect(ContinuousClock.now - started < .milliseconds(400))
    }

    @Test("resharding under load: every reply is its command's and nobody waits longer than the time-out")
    func reshardingUnderLoad() async throws {
      try await RedisCluster.with { cluster in
        try await withClient(cluster.configuration()) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          let isDone = NIOLockedValueBox(false)
          let load = Load(client: client, timeout: .seconds(5))
          try await withThrowingTaskGroup(of: LoadTally.self) { group in
            for caller in 0..<8 { group.addTask { await load.run(caller, keys: 40) { isDone.withLockedValue { $0 } } } }
            for caller in 0..<8 {
              for key in 0..<5 {
                let slot = ClusterSlot(of: load.key(caller, key)).number
                let source = try await cluster.owner(of: slot)
                let target = try #require(cluster.primaries.randomElement())
                if source.port == target.port { continue }
                try await cluster.beginMove(of: slot, from: source, to: target)
                try await cluster.moveKeys(of: slot, from: source, to: target)
                try await cluster.endMove(of: slot, from: source, to: target)
              }
            }
            isDone.withLockedValue { $0 = true }
            let tally = try await group.reduce(into: LoadTally()) { $0.add($1) }
            #expect(tally.wrong == 0 && tally.failed == 0, "\(tally)")
            print("resharding under load: \(tally), redirections \(client.stats.redirections)")
          }
          #expect(client.stats.redirections > 0)
        }
      }
    }

    @Test(
      "a server killed or frozen under load: its keys cost the command time-out, then nothing, the others go on, and its replica takes over",
      arguments: [SIGKILL, SIGSTOP])
    func lossUnderLoad(signal: Int32) async throws {
      try await RedisCluster.with(replicas: 1) { cluster in
        var configuration = cluster.configuration()
        configuration.commandTimeout = .milliseconds(75)
        configuration.connectTimeout = .milliseconds(250)
        try await withClient(configuration) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          let isDone = NIOLockedValueBox(false)
          let load = Load(client: client)
          let victim = try await cluster.owner(of: ClusterSlot(of: load.key(0, 0)).number)
          try await withThrowingTaskGroup(of: LoadTally.self) { group in
            for caller in 0..<8 { group.addTask { await load.run(caller, keys: 40) { isDone.withLockedValue { $0 } } } }
            await eventually("no load") { client.stats.requests > 1000 }
            if signal == SIGKILL { await victim.kill() } else { victim.signal(signal) }
            await eventually("nothing fails") { client.stats.failures[.unavailable, default: 0] > 20 }
            let key = load.key(0, 0)
            await eventually("no replica takes over") { (try? await client.send(RedisCommand("SET", key, bytes("x")), key: key)) == .simple("OK") }
            isDone.withLockedValue { $0 = true }
            let tally = try await group.reduce(into: LoadTally()) { $0.add($1) }
            print("server of a cluster \(signal == SIGKILL ? "killed" : "frozen") under load: \(tally)")
            #expect(tally.wrong == 0 && tally.right > tally.failed && !tally.refusals.isEmpty)
            #expect(tally.slowest < .milliseconds(400), "the machine is shared; the time-out is 75 ms")
            #expect(tally.medianRefusal < .milliseconds(1))
            #expect(client.stats.topologyChanges >= 1)
          }
        }
      }
    }

    @Test("a server of a cluster without it is known as that: commands that are redirected fail, and it is said what to configure")
    func singleForCluster() async throws {
      try await RedisCluster.with { cluster in
        try await withClient(patient(cluster.servers[0].url)) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          var codes: Set<RedisError.Code> = []
          for tag in 0..<20 {
            if case .failure(let error) = await outcome({ () throws(RedisError) in try await client.send(RedisCommand("GET", name(tag))) }) {
              codes.insert(error.code)
            }
          }
          #expect(codes == [.notReady])
        }
      }
    }
  }
}
