import Foundation
import Logging
import NIOConcurrencyHelpers
import RedisTestSupport
import Testing
import WeirRedis
import WeirTestSupport

extension NetworkTests {
  /// Against a real server.
  @Suite(.enabled(if: RedisServer.executable != nil && RedisServer.cli != nil, "redis-server or redis-cli is not on PATH"), .timeLimit(.minutes(3)))
  struct RedisServerTests {
    @Test("values of every kind and size come back as they were stored")
    func roundTrips() async throws {
      try await RedisServer.with { server in
        try await withClient(patient(server.url)) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          let sizes = [1 << 20, 200_000].map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0) } }
          for value in [[], [0, 13, 10, 255], bytes("ü")] + sizes {
            #expect(try await client.send(RedisCommand("SET", bytes("k"), value)) == .simple("OK"))
            #expect(try await client.send(command("GET", "k")) == .bulk(value))
          }
          #expect(try await client.send(command("GET", "absent")).isNull)
          #expect(try await client.send(command("INCR", "n")) == .integer(1))
          #expect(try await client.send(command("LPUSH", "n", "x")).errorKind == "WRONGTYPE")
          #expect(try await client.send(command("RPUSH", "l", "a", "", "c")) == .integer(3))
          #expect(try await client.send(command("LRANGE", "l", "0", "-1")) == .array([.bulk(bytes("a")), .bulk([]), .bulk(bytes("c"))]))
          #expect(try await client.send(command("LRANGE", "none", "0", "-1")) == .array([]))
        }
      }
    }

    @Test("a server with as many clients as it allows says so in the log")
    func tooManyClients() async throws {
      try await RedisServer.with(RedisServer.Options(more: ["--maxclients", "1"])) { server in
        let log = LogLines(level: .debug)
        // Of its two connections one finds no room.
        try await withClient(patient(server.url), log: log) { client in
          await eventually("the log says why") { log.lines.contains { $0.contains("maxclients") } }
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          #expect(try await client.send(command("ECHO", "a")) == .bulk(bytes("a")))
        }
      }
    }

    @Test("a pipeline of ten thousand commands has its replies in order, and its failures in place")
    func pipelining() async throws {
      try await RedisServer.with { server in
        try await withClient(patient(server.url)) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          let commands = (0..<10_000).map { $0.isMultiple(of: 1000) ? command("NOSUCHCOMMAND") : command("ECHO", "\($0)") }
          let replies = try await client.pipeline(commands)
          #expect(replies.count == 10_000)
          let wrong = replies.enumerated().filter { index, reply in
            index.isMultiple(of: 1000) ? reply.errorKind != "ERR" : reply != .bulk(bytes("\(index)"))
          }
          #expect(wrong.isEmpty)
          #expect(client.stats.commands == 10_000 && client.stats.requests == 1)
          #expect(try await client.pipeline([]).isEmpty)
        }
      }
    }

    @Test("many callers at once each get their own reply, and each latency is reported")
    func concurrency() async throws {
      let latencies = NIOLockedValueBox<[Duration]>([])
      try await RedisServer.with { server in
        try await withClient(patient(server.url), onLatency: { latency in latencies.withLockedValue { $0.append(latency) } }) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
            for caller in 0..<100 {
              group.addTask {
                var wrong = 0
                for turn in 0..<50 {
                  let mark = "\(caller)/\(turn)"
                  if try await client.send(command("ECHO", mark)) != .bulk(bytes(mark)) { wrong += 1 }
                }
                return wrong
              }
            }
            return try await group.reduce(0, +)
          }
          #expect(wrong == 0)
          #expect(client.stats.pending == 0 && client.stats.failures.keys.allSatisfy { $0 == .connectFailed }, "\(client.stats)")
        }
      }
      #expect(latencies.withLockedValue { $0.count } == 5000)
      #expect(latencies.withLockedValue { $0.allSatisfy { $0 > .zero } })
    }

    @Test("what is stored with an expiry is gone after it")
    func expiry() async throws {
      try await RedisServer.with { server in
        try await withClient(patient(server.url)) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          #expect(try await client.send(command("SET", "k", "v", "PX", "60000")) == .simple("OK"))
          guard case .integer(let left) = try await client.send(command("PTTL", "k")) else { return problem("PTTL gives no number") }
          #expect((1...60_000).contains(left))
          #expect(try await client.send(command("PEXPIRE", "k", "1")) == .integer(1))
          await eventually("it does not expire") { (try? await client.send(command("GET", "k")))?.isNull == true }
        }
      }
    }

    @Test("a server that dies fails what is pending, and one that comes back on the same port is used again")
    func restart() async throws {
      try await RedisServer.with { server in
        try await withClient(patient(server.url)) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          await eventually("not both connections are made") { client.stats.connections == 2 }
          server.signal(SIGSTOP)
          async let stuck = outcome { () throws(RedisError) in try await client.send(command("ECHO", "stuck")) }
          await eventually("nothing is pending") { client.stats.pending > 0 }
          await server.kill()
          guard case .failure(let error) = await stuck else { return problem("a dead server answered") }
          #expect(error.code == .connectionLost)
          await eventually("the loss goes unnoticed") { client.stats.connections == 0 }
          let refusal = await #expect(throws: RedisError.self) { try await client.send(command("PING")) }
          #expect(refusal?.code == .unavailable)
          #expect(client.stats.state == .connecting)
          try await server.start()
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          #expect(try await client.send(command("PING")) == .simple("PONG"))
          await eventually("only some connections come back") { client.stats.reconnects == 2 }
          #expect(client.stats.state == .ready)
        }
      }
    }

    @Test("a stopped server opens the breaker; when it goes on, a probe closes it again")
    func stoppedServer() async throws {
      try await RedisServer.with { server in
        var configuration = try patient(server.url)
        configuration.commandTimeout = .milliseconds(100)
        configuration.silenceTolerance = .seconds(20)
        configuration.breaker.shortestPause = .milliseconds(100)
        try await withClient(configuration) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          server.signal(SIGSTOP)
          await withTaskGroup(of: Void.self) { group in
            for _ in 0..<5 { group.addTask { _ = try? await client.send(command("PING")) } }
          }
          #expect(client.stats.state == .open && client.stats.timeouts == 5 && client.stats.breakerOpenings == 1)
          server.signal(SIGCONT)
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          await eventually("it does not answer again") { (try? await client.send(command("PING"))) == .simple("PONG") }
        }
      }
    }

    @Test("user, password and database of the URL are used; a wrong password is reported as that")
    func authentication() async throws {
      try await RedisServer.with(.init(password: "pa:ss w@rd")) { server in
        let host = "127.0.0.1:\(server.port)"
        try await withClient(patient("redis://default:pa%3Ass%20w%40rd@\(host)/3")) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          guard case .bulk(let info?) = try await client.send(command("CLIENT", "INFO")) else { return problem("no CLIENT INFO") }
          let text = String(decoding: info, as: UTF8.self)
          #expect(text.contains(" db=3 ") && text.contains(" name=weir ") && text.contains(" user=default "))
        }
        for url in ["redis://:wrong@\(host)", "redis://nobody:wrong@\(host)", "redis://\(host)"] {
          try await withClient(patient(url)) { client in
            await eventually("no failure for \(url)") { client.stats.failures[.authentication, default: 0] > 0 }
            let error = await #expect(throws: RedisError.self) { try await client.send(command("PING")) }
            #expect(error?.code == .unavailable)
          }
        }
      }
    }

    @Test("a Unix socket serves as well")
    func unixSocket() async throws {
      try await RedisServer.with(.init(usesUnixSocket: true)) { server in
        try await withClient(patient("unix://\(server.directory.path)/redis.sock?db=1")) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          #expect(try await client.send(command("PING")) == .simple("PONG"))
        }
      }
    }

    @Test("a script runs by its digest, and with its source once the server has lost it")
    func scripts() async throws {
      try await RedisServer.with { server in
        try await withClient(patient(server.url)) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          let script = RedisScript("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
          for turn in 1...6 as ClosedRange<Int64> {
            if turn == 4 { #expect(try await client.send(command("SCRIPT", "FLUSH")) == .simple("OK")) }
            let reply = try await client.evaluate(script, keys: [bytes("k")], arguments: [bytes("a")])
            #expect(reply == .array([.bulk(bytes("k")), .bulk(bytes("a")), .integer(turn)]), "turn \(turn)")
          }
          guard case .bulk(let stats?) = try await client.send(command("INFO", "commandstats")) else { return problem("no INFO") }
          #expect(String(decoding: stats, as: UTF8.self).contains("cmdstat_evalsha:calls=6,"))
        }
      }
    }

    @Test("a primary that becomes a replica, and one cut off from its own, are not ready; new connections are made, and it is used once it can be")
    func demoted() async throws {
      try await RedisServer.with(.init(more: ["--replica-serve-stale-data", "no"])) { server in
        try await withClient(patient(server.url)) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          await eventually("not both connections are made") { client.stats.connections == 2 }
          #expect(try await server.cli(["replicaof", "127.0.0.1", "1"]) == "OK\n")
          let error = await #expect(throws: RedisError.self) { try await client.send(command("SET", "k", "v")) }
          #expect(error?.code == .notReady)
          await eventually("it is taken for ready") { client.stats.connections == 0 && client.stats.failures[.connectFailed, default: 0] > 0 }
          #expect(client.stats.failures[.notReady, default: 0] >= 1 && client.stats.state == .connecting)
          #expect(try await server.cli(["replicaof", "no", "one"]) == "OK\n")
          await eventually("it is not used again") { (try? await client.send(command("SET", "k", "v"))) == .simple("OK") }
        }
      }
    }

    @Test("a connection killed by the server is replaced")
    func clientKill() async throws {
      try await RedisServer.with { server in
        var configuration = try patient(server.url)
        configuration.connections = 1
        try await withClient(configuration) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          for round in 1...3 as ClosedRange<UInt64> {
            _ = try? await client.send(command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"))
            await eventually("it is not replaced") { client.stats.reconnects == round }
            #expect(try await client.send(command("PING")) == .simple("PONG"))
          }
        }
      }
    }
  }
}
