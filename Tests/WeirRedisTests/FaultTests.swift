import Foundation
import Logging
import NIOConcurrencyHelpers
import RedisTestSupport
import Testing
import WeirRedis
import WeirTestSupport

extension NetworkTests {
  /// Servers that misbehave, and networks that do.
  @Suite(.timeLimit(.minutes(4)))
  struct FaultTests {
    private func impatient(_ url: String) throws -> RedisConfiguration {
      var configuration = try patient(url)
      configuration.commandTimeout = .milliseconds(150)
      configuration.connections = 1
      return configuration
    }

    @Test("a server that accepts and never answers costs nobody time")
    func blackHole() async throws {
      try await ScriptedServer.with({ _, _ in .silence }) { server in
        var configuration = try impatient(server.url)
        configuration.connectTimeout = .milliseconds(100)
        try await withClient(configuration) { client in
          await eventually("no attempt fails") { client.stats.failures[.connectFailed, default: 0] >= 2 }
          await expectInstantRefusals(client)
          #expect(client.stats.state == .connecting)
          #expect(await !client.waitUntilReady(timeout: .milliseconds(20)))
        }
      }
    }

    @Test(
      "a server that will not have the connection is quoted in the log, and with what to do (issue 5)",
      arguments: [
        ("-DENIED Redis is running in protected mode because protected mode is enabled\r\n", "protected-mode no"),
        ("-ERR max number of clients reached\r\n", "maxclients"),
      ])
    func refusesConnections(text: String, advice: String) async throws {
      try await ScriptedServer.with({ _, _ in .close(after: bytes(text)) }) { server in
        let log = LogLines(level: .debug)
        try await withClient(impatient(server.url), log: log) { client in
          await eventually("the log says why") { log.lines.contains { $0.contains(advice) && $0.contains("connect_failed") } }
          #expect(client.stats.failures[.protocolError] == nil, "\(client.stats)")
        }
      }
    }

    @Test("a server that stops answering costs the command timeout once; then nothing is waited for until it is heard of again (issue 5)")
    func stopsMidway() async throws {
      let isSilent = NIOLockedValueBox(false)
      try await ScriptedServer.with({ _, words in
        isSilent.withLockedValue { $0 } ? .silence : .reply(bytes("+\(words.last ?? "")\r\n"))
      }) { server in
        var configuration = try impatient(server.url)
        configuration.silenceTolerance = .seconds(2)
        try await withClient(configuration) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          #expect(try await client.send(command("ECHO", "a"), timeout: .seconds(20)) == .simple("a"))
          isSilent.withLockedValue { $0 = true }
          let start = ContinuousClock.now
          let error = await #expect(throws: RedisError.self) { try await client.send(command("ECHO", "b")) }
          let elapsed = ContinuousClock.now - start
          #expect(error?.code == .timedOut)
          #expect(elapsed < .milliseconds(450), "it took \(elapsed)")
          #expect(client.stats.state == .open)
          await expectInstantRefusals(client)
          isSilent.withLockedValue { $0 = false }
          await eventually("its connection is given up, and another made") { client.stats.reconnects >= 1 && client.stats.state == .ready }
          #expect(try await client.send(command("ECHO", "c"), timeout: .seconds(20)) == .simple("c"))
        }
      }
    }

    private func expectInstantRefusals(_ client: RedisClient) async {
      var times: [Duration] = []
      for _ in 0..<21 {
        let start = ContinuousClock.now
        let error = await #expect(throws: RedisError.self) { try await client.send(command("PING")) }
        times.append(ContinuousClock.now - start)
        #expect(error?.code == .unavailable)
      }
      let median = times.sorted()[10]
      #expect(median < .milliseconds(5), "the median refusal took \(median)")
    }

    @Test(
      "a server late by less than the tolerance keeps its connection, and its late replies reach nobody",
      .enabled(if: RedisServer.executable != nil, "redis-server is not on PATH"))
    func lateReplies() async throws {
      try await RedisServer.with { server in
        try await DelayingProxy.with(upstream: server.port, delay: 100_000...100_000) { proxy in
          var configuration = try impatient(proxy.url)
          configuration.silenceTolerance = .seconds(20)
          configuration.breaker.consecutiveFailures = .max
          configuration.breaker.minimumSample = .max
          try await withClient(configuration) { client in
            try #require(await client.waitUntilReady(timeout: .seconds(30)))
            for index in 0..<5 {
              let error = await #expect(throws: RedisError.self) { try await client.send(command("ECHO", "\(index)"), timeout: .milliseconds(20)) }
              #expect(error?.code == .timedOut)
            }
            #expect(try await client.send(command("ECHO", "mine"), timeout: .seconds(20)) == .bulk(bytes("mine")))
            #expect(client.stats.discardedReplies == 5 && client.stats.reconnects == 0)
          }
        }
      }
    }

    @Test(
      "a server that took too long for one command is used again as soon as its reply comes (issue 5)",
      .enabled(if: RedisServer.executable != nil, "redis-server is not on PATH"))
    func lateReply() async throws {
      try await RedisServer.with { server in
        var configuration = try impatient(server.url)
        configuration.silenceTolerance = .seconds(20)
        try await withClient(configuration) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          let silences = ConnectionCounter()
          client.whenSilent { _ = silences.next() }
          server.signal(SIGSTOP)
          let error = await #expect(throws: RedisError.self) { try await client.send(command("ECHO", "late")) }
          #expect(error?.code == .timedOut && client.stats.state == .open)
          await expectInstantRefusals(client)
          #expect(silences.value == 1)
          server.signal(SIGCONT)
          await eventually("it is heard of") { client.stats.state == .ready }
          #expect(try await client.send(command("ECHO", "mine"), timeout: .seconds(20)) == .bulk(bytes("mine")))
          #expect(client.stats.discardedReplies == 1 && client.stats.reconnects == 0 && client.stats.breakerOpenings == 0)
        }
      }
    }

    @Test("a caller who is cancelled is back at once, and the connection goes on")
    func cancellation() async throws {
      let isSilent = NIOLockedValueBox(true)
      let seen = ConnectionCounter()
      try await ScriptedServer.with({ _, words in
        if words == ["PING"] || words.first == "CLIENT" { return .reply(bytes("+PONG\r\n")) }
        _ = seen.next()
        return isSilent.withLockedValue { $0 } ? .silence : .reply(bytes("+first\r\n+second\r\n"))
      }) { server in
        var configuration = try impatient(server.url)
        configuration.commandTimeout = .seconds(60)
        try await withClient(configuration) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          let first = Task { await outcome { () throws(RedisError) in try await client.send(command("ECHO", "1")) } }
          await eventually("it is not sent") { seen.value == 1 }
          let start = ContinuousClock.now
          first.cancel()
          guard case .failure(let error) = await first.value else { return problem("a cancelled command succeeded") }
          #expect(error.code == .cancelled)
          #expect(ContinuousClock.now - start < .seconds(5))
          isSilent.withLockedValue { $0 = false }
          #expect(try await client.send(command("ECHO", "2")) == .simple("second"), "the first reply belongs to the one who left")
          #expect(client.stats.discardedReplies == 1 && client.stats.reconnects == 0)
          let sent = seen.value
          let early = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await outcome { () throws(RedisError) in try await client.send(command("ECHO", "3")) }
          }
          guard case .failure(let earlyError) = await early.value else { return problem("a cancelled command succeeded") }
          #expect(earlyError.code == .cancelled && seen.value == sent, "one cancelled before is not sent at all")
        }
      }
    }

    @Test("a connection cut after every possible byte: whole replies reach their callers, everybody else learns of the loss, nobody gets another's")
    func cutEverywhere() async throws {
      let marks = ["alpha", "b", "", "delta\r\n", "+e"]
      let length = marks.reduce(0) { $0 + Self.wire($1).count }
      for cut in 0...length {
        let echoes = NIOLockedValueBox<[String]>([])
        try await ScriptedServer.with({ connection, words in
          guard words.first == "ECHO", let mark = words.last else { return .reply(bytes("+OK\r\n")) }
          let all = echoes.withLockedValue { echoes in
            echoes.append(mark)
            return echoes
          }
          return all.count == marks.count ? .close(after: Array(all.flatMap { Self.wire($0) }.prefix(cut))) : .silence
        }) { server in
          var configuration = try patient(server.url)
          configuration.connections = 1
          configuration.longestReconnectDelay = .seconds(60)
          configuration.shortestReconnectDelay = .seconds(60)
          try await withClient(configuration) { client in
            try #require(await client.waitUntilReady(timeout: .seconds(30)))
            let results = await withTaskGroup(of: (String, Result<RedisReply, RedisError>).self) { group in
              for mark in marks {
                group.addTask { (mark, await outcome { () throws(RedisError) in try await client.send(RedisCommand("ECHO", bytes(mark))) }) }
              }
              return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            var end = 0
            for mark in echoes.withLockedValue({ $0 }) {
              end += Self.wire(mark).count
              if end <= cut {
                #expect(results[mark] == .success(.bulk(bytes(mark))), "cut after \(cut)")
              } else if case .failure(let error)? = results[mark] {
                #expect(error.code == .connectionLost, "cut after \(cut)")
              } else {
                Issue.record("\(mark) succeeded though the connection was cut after \(cut)")
              }
            }
          }
        }
      }
    }

    private static func wire(_ mark: String) -> [UInt8] { bytes("$\(mark.utf8.count)\r\n\(mark)\r\n") }

    @Test(
      "a reply that nobody asked for, or what is no reply, ends the connection",
      arguments: ["+extra\r\n", "?garbage\r\n", ":12x\r\n"])
    func unasked(text: String) async throws {
      try await ScriptedServer.with({ _, words in
        .reply(bytes(words.first == "ECHO" ? "+mine\r\n" + text : "+PONG\r\n"))
      }) { server in
        try await withClient(impatient(server.url)) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          #expect(try await client.send(command("ECHO", "mine"), timeout: .seconds(20)) == .simple("mine"), "what came before is good")
          await eventually("the connection is kept") { client.stats.reconnects >= 1 }
        }
      }
    }

    @Test("more than may be pending is refused at once")
    func overload() async throws {
      let seen = ConnectionCounter()
      try await ScriptedServer.with({ _, words in
        guard words.first == "ECHO" else { return .reply(bytes("+PONG\r\n")) }
        _ = seen.next()
        return .silence
      }) { server in
        var configuration = try impatient(server.url)
        configuration.commandTimeout = .seconds(60)
        configuration.maxPending = 10
        configuration.maxPendingBytes = 10_000
        try await withClient(configuration) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          let large = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("ECHO", [UInt8](repeating: 0, count: 10_000))) }
          #expect(large?.code == .overloaded)
          await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { _ = try? await client.send(command("ECHO", "x")) } }
            await eventually("they are not pending") { seen.value == 10 && client.stats.pending == 10 }
            let error = await #expect(throws: RedisError.self) { try await client.send(command("ECHO", "x")) }
            #expect(error?.code == .overloaded)
            group.cancelAll()
          }
          #expect(client.stats.pending == 10, "their slots stay")
        }
      }
    }

    @Test("too many abandoned commands, or a silent head, end the connection", arguments: [true, false])
    func giveUp(byCount: Bool) async throws {
      try await ScriptedServer.with({ _, words in words.first == "ECHO" ? .silence : .reply(bytes("+PONG\r\n")) }) { server in
        var configuration = try impatient(server.url)
        configuration.maxAbandoned = byCount ? 3 : .max
        configuration.silenceTolerance = byCount ? .seconds(3600) : .milliseconds(50)
        configuration.commandTimeout = .milliseconds(20)
        configuration.breaker.consecutiveFailures = .max
        configuration.breaker.minimumSample = .max
        try await withClient(configuration) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          await withTaskGroup(of: Void.self) { group in
            for _ in 0..<5 { group.addTask { _ = try? await client.send(command("ECHO", "x")) } }
          }
          await eventually("the connection is kept") { client.stats.reconnects >= 1 }
        }
      }
    }

    @Test("commands to a server that is still loading its data are not sent, and it is used once it has")
    func loading() async throws {
      let isLoading = NIOLockedValueBox(true)
      try await ScriptedServer.with({ _, words in
        .reply(bytes(words == ["PING"] && isLoading.withLockedValue { $0 } ? "-LOADING Redis is loading the dataset in memory\r\n" : "+OK\r\n"))
      }) { server in
        try await withClient(patient(server.url)) { client in
          await eventually("no attempt fails") { client.stats.failures[.connectFailed, default: 0] >= 3 }
          #expect(client.stats.state == .connecting)
          isLoading.withLockedValue { $0 = false }
          #expect(await client.waitUntilReady(timeout: .seconds(30)))
        }
      }
    }

    @Test("ending the client fails what is pending and closes every connection")
    func shutdown() async throws {
      try await ScriptedServer.with({ _, words in words.first == "ECHO" ? .silence : .reply(bytes("+PONG\r\n")) }) { server in
        let client = try RedisClient(configuration: patient(server.url), logger: .init(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { await client.run() }
        try #require(await client.waitUntilReady(timeout: .seconds(30)))
        async let pending = outcome { () throws(RedisError) in try await client.send(command("ECHO", "x")) }
        await eventually("it is not pending") { client.stats.pending == 1 }
        running.cancel()
        await running.value
        guard case .failure(let error) = await pending else { return problem("it succeeded") }
        #expect(error.code == .shutDown)
        #expect(client.stats.connections == 0)
      }
    }
  }
}
