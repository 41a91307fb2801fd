import Foundation
import NIOConcurrencyHelpers
import RedisTestSupport
import Testing
import WeirRedis

extension NetworkTests {
  @Suite(.enabled(if: RedisServer.executable != nil && RedisServer.cli != nil, "redis-server or redis-cli is not on PATH"), .timeLimit(.minutes(3)))
  struct SubscriptionTests {
    @Test("what is published after ready arrives, in order, at every reader of the channel and nobody else")
    func messages() async throws {
      try await RedisServer.with { server in
        try await withClient(patient(server.url)) { client in
          let readers = [client.subscribe(to: bytes("a")), client.subscribe(to: bytes("a")), client.subscribe(to: bytes("b"))]
          var iterators = readers.map { $0.makeAsyncIterator() }
          for index in iterators.indices { #expect(await iterators[index].next() == .ready) }
          #expect(readers.filter { !$0.isReady }.isEmpty)
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          for number in 0..<100 { #expect(try await client.send(command("PUBLISH", "a", "\(number)")) == .integer(1)) }
          #expect(try await client.send(command("PUBLISH", "b", "")) == .integer(1))
          for index in 0..<2 {
            for number in 0..<100 { #expect(await iterators[index].next() == .message(bytes("\(number)"))) }
          }
          #expect(await iterators[2].next() == .message([]))
          #expect(client.stats.messages == 101 && client.stats.missedMessages == 0)
        }
      }
    }

    @Test("a subscription that is let go of is ended, and can be made again")
    func ending() async throws {
      try await RedisServer.with { server in
        try await withClient(patient(server.url)) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          for _ in 0..<3 {
            do {
              let subscription = client.subscribe(to: bytes("a"))
              var events = subscription.makeAsyncIterator()
              #expect(await events.next() == .ready)
              #expect(try await client.send(command("PUBLISH", "a", "x")) == .integer(1))
              #expect(await events.next() == .message(bytes("x")))
            }
            await eventually("it is not ended") { (try? await client.send(command("PUBLISH", "a", "x"))) == .integer(0) }
          }
        }
      }
    }

    @Test("a lost connection is said, and ready again once the server has confirmed")
    func losing() async throws {
      try await RedisServer.with { server in
        try await withClient(patient(server.url)) { client in
          let subscription = client.subscribe(to: bytes("a"))
          var events = subscription.makeAsyncIterator()
          #expect(await events.next() == .ready)
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          _ = try await client.send(command("CLIENT", "KILL", "TYPE", "pubsub"))
          #expect(await events.next() == .missed)
          #expect(await events.next() == .ready)
          await server.kill()
          #expect(await events.next() == .missed)
          #expect(!subscription.isReady)
          try await server.start()
          #expect(await events.next() == .ready)
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          #expect(try await client.send(command("PUBLISH", "a", "x")) == .integer(1))
          #expect(await events.next() == .message(bytes("x")))
          #expect(client.stats.missedMessages == 2)
        }
      }
    }

    @Test("a server that goes silent is noticed by the PING that it does not answer")
    func silence() async throws {
      try await RedisServer.with { server in
        var configuration = try patient(server.url)
        configuration.subscriberPing = .milliseconds(100)
        try await withClient(configuration) { client in
          let subscription = client.subscribe(to: bytes("a"))
          var events = subscription.makeAsyncIterator()
          #expect(await events.next() == .ready)
          server.signal(SIGSTOP)
          #expect(await events.next() == .missed)
          server.signal(SIGCONT)
          #expect(await events.next() == .ready)
        }
      }
    }

    @Test("a reader that does not keep up loses all that waited, is told so, and gets what comes then")
    func slowReader() async throws {
      try await RedisServer.with { server in
        try await withClient(patient(server.url)) { client in
          let slow = client.subscribe(to: bytes("a"), buffered: 10)
          let quick = client.subscribe(to: bytes("a"), buffered: 1000)
          var (slowly, quickly) = (slow.makeAsyncIterator(), quick.makeAsyncIterator())
          #expect(await quickly.next() == .ready)
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          for number in 1...100 { _ = try await client.send(command("PUBLISH", "a", "\(number)")) }
          for number in 1...100 { #expect(await quickly.next() == .message(bytes("\(number)"))) }
          #expect(await slowly.next() == .missed)
          #expect(await slowly.next() == .ready)
          _ = try await client.send(command("PUBLISH", "a", "last"))
          var last: RedisSubscriptionEvent?
          while last != .message(bytes("last")) { last = await slowly.next() }
          #expect(client.stats.missedMessages > 0)
        }
      }
    }

    @Test("a user who may not subscribe costs nothing but the subscription")
    func refused() async throws {
      try await RedisServer.with { server in
        try await withClient(patient(server.url)) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          _ = try await client.send(command("ACL", "SETUSER", "weir", "on", ">secret", "~*", "+@all", "resetchannels"))
          try await withClient(patient("redis://weir:secret@127.0.0.1:\(server.port)")) { other in
            try #require(await other.waitUntilReady(timeout: .seconds(30)))
            let subscription = other.subscribe(to: bytes("a"))
            await eventually("it is not tried") {
              (try? await server.cli(["acl", "log"]))?.contains("channel") == true
            }
            #expect(!subscription.isReady)
            #expect(try await other.send(command("PING")) == .simple("PONG"))
          }
        }
      }
    }
  }
}
