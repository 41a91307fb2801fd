import Dispatch
import Foundation
import Logging
import NIOCore
import NIOPosix
import RedisTestSupport
import Testing
import WeirRedis

extension NetworkTests {
  /// A process that is too busy to look in time.
  @Suite(.timeLimit(.minutes(5)))
  struct LateLoopTests {
    @Test("a reply that lay in the socket while the process was busy is no timeout")
    func lateReading() async throws {
      try await withOneLoop { client, _ in
        let reply = try await client.send(command("LATE", "x"), timeout: .milliseconds(150))
        #expect(reply == .simple("x"))
        #expect(client.stats.failures[.timedOut] == nil)
      }
    }

    @Test("a command that could not be written in time is not written, and says nothing against the server")
    func lateWriting() async throws {
      try await withOneLoop { client, loop in
        for _ in 0..<10 {
          let isBusy = DispatchSemaphore(value: 0)
          loop.execute { Self.block(for: 0.1, saying: isBusy) }
          isBusy.wait()
          let error = await #expect(throws: RedisError.self) { try await client.send(command("ECHO", "x"), timeout: .milliseconds(20)) }
          #expect(error?.code == .overloaded)
        }
        #expect(client.stats.breakerOpenings == 0)
        let reply = try await client.send(command("ECHO", "y"), timeout: .seconds(20))
        #expect(reply == .simple("y"))
      }
    }

    @Test("a server that had less than its time, since the process was busy, is not blamed for a missing reply")
    func lateAsking() async throws {
      try await withOneLoop { client, loop in
        for _ in 0..<10 {
          let isBusy = DispatchSemaphore(value: 0)
          loop.execute { Self.block(for: 0.1, saying: isBusy) }
          isBusy.wait()
          let error = await #expect(throws: RedisError.self) { try await client.send(command("NEVER", "x"), timeout: .milliseconds(200)) }
          #expect(error?.code == .overloaded)
        }
        #expect(client.stats.breakerOpenings == 0)
      }
    }

    private func withOneLoop(_ body: (RedisClient, any EventLoop) async throws -> Void) async throws {
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      let loop = group.next()
      try await ScriptedServer.with({ _, words in
        if words.first == "LATE" {
          let isBusy = DispatchSemaphore(value: 0)
          loop.execute { Self.block(for: 0.4, saying: isBusy) }
          isBusy.wait()
        }
        if words.first == "NEVER" { return .silence }
        return .reply(bytes("+\(words.last ?? "")\r\n"))
      }) { server in
        var configuration = try patient(server.url)
        configuration.connections = 1
        configuration.silenceTolerance = .seconds(20)
        let client = try RedisClient(
          configuration: configuration, group: group, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
          tasks.addTask { await client.run() }
          defer { tasks.cancelAll() }
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          try await body(client, loop)
        }
      }
      try await group.shutdownGracefully()
    }

    /// The thread that waits to be told waits for the loop alone, which needs none of the threads that tasks share.
    private static func block(for seconds: Double, saying isBusy: DispatchSemaphore) {
      isBusy.signal()
      Thread.sleep(forTimeInterval: seconds)
    }
  }
}
