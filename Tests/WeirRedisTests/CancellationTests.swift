import NIOConcurrencyHelpers
import RedisTestSupport
import Testing
import WeirRedis

extension NetworkTests {
  /// Callers who leave between the writing of their command and its reply (CVE-2023-28858).
  @Suite(.enabled(if: RedisServer.executable != nil, "redis-server is not on PATH"), .timeLimit(.minutes(5)))
  struct CancellationTests {
    private static let callers = 250
    private static let turns = 400

    @Test("a hundred thousand commands over a slow network, a fifth cancelled at random, some too late: every reply is its command's")
    func everyReplyIsItsCommands() async throws {
      try await RedisServer.with { server in
        try await DelayingProxy.with(upstream: server.port, delay: 0...3000) { proxy in
          var configuration = try patient(proxy.url)
          configuration.maxAbandoned = .max
          // What is late on a busy machine is not to end the connection: this is about whose reply is whose.
          configuration.silenceTolerance = .seconds(30)
          configuration.breaker.consecutiveFailures = .max
          configuration.breaker.minimumSample = .max
          try await withClient(configuration) { client in
            try #require(await client.waitUntilReady(timeout: .seconds(30)))
            let tally = await withTaskGroup(of: Tally.self) { group in
              for caller in 0..<Self.callers { group.addTask { await call(client, caller: caller) } }
              return await group.reduce(into: Tally()) { $0.add($1) }
            }
            #expect(tally.wrong == 0)
            #expect(tally.right + tally.cancelled + tally.tooLate == 100_000)
            #expect(tally.right > 50_000 && tally.cancelled > 5000 && tally.tooLate > 1000, "\(tally)")
            await eventually("replies are missing") { client.stats.pending == 0 }
            #expect(client.stats.discardedReplies > 5000 && client.stats.reconnects == 0)
            print("100,000 commands: \(tally), \(client.stats.discardedReplies) late replies thrown away")
          }
        }
      }
    }

    private struct Tally {
      var right = 0
      var wrong = 0
      var cancelled = 0
      var tooLate = 0

      mutating func add(_ other: Tally) {
        right += other.right
        wrong += other.wrong
        cancelled += other.cancelled
        tooLate += other.tooLate
      }
    }

    private func call(_ client: RedisClient, caller: Int) async -> Tally {
      var tally = Tally()
      for turn in 0..<Self.turns {
        let mark = "\(caller)/\(turn)"
        let timeout: Duration = turn.isMultiple(of: 20) ? .milliseconds(1) : .seconds(60)
        let task = Task { await outcome { () throws(RedisError) in try await client.send(command("ECHO", mark), timeout: timeout) } }
        if Int.random(in: 0..<5) == 0 {
          try? await Task.sleep(for: .microseconds(.random(in: 0...6000)))
          task.cancel()
        }
        switch await task.value {
        case .success(.bulk(bytes(mark))): tally.right += 1
        case .failure(let error) where error.code == .cancelled: tally.cancelled += 1
        // Too late for its reply, or to be written at all.
        case .failure(let error) where error.code == .timedOut || error.code == .overloaded: tally.tooLate += 1
        default: tally.wrong += 1
        }
      }
      return tally
    }
  }
}
