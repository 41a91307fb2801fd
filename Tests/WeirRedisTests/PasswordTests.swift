import Foundation
import NIOConcurrencyHelpers
import RedisTestSupport
import Testing
import WeirRedis

extension NetworkTests {
  @Suite(.enabled(if: RedisServer.executable != nil && RedisServer.cli != nil, "redis-server or redis-cli is not on PATH"), .timeLimit(.minutes(3)))
  struct PasswordTests {
    private struct Unreadable: Error {}

    private func configuration(_ server: RedisServer, _ password: NIOLockedValueBox<String?>) -> RedisConfiguration {
      var configuration = RedisConfiguration(.single(server.endpoint))
      patiently(&configuration)
      configuration.passwordCheck = .milliseconds(10)
      configuration.credentials.user = "weir"
      configuration.credentials.password = .reread {
        guard let text = password.withLockedValue({ $0 }) else { throw Unreadable() }
        return text
      }
      return configuration
    }

    private func allow(_ server: RedisServer, _ rules: String...) async {
      await eventually("the server does not start") {
        (try? await server.cli(["acl", "setuser", "weir", "on", "~*", "+@all"] + rules)) == "OK\n"
      }
    }

    @Test("a changed password is said on open connections, and new ones use it")
    func rotation() async throws {
      try await RedisServer.with { server in
        await allow(server, ">old")
        let password = NIOLockedValueBox<String?>("old")
        try await withClient(configuration(server, password)) { client in
          await eventually("not both are there") { client.stats.connections == 2 }
          let before = try await server.cli(["info", "commandstats"])
          await allow(server, ">new")
          password.withLockedValue { $0 = "new" }
          await eventually("it is not said") { (try? await server.cli(["info", "commandstats"])).map { auths($0) == auths(before) + 2 } == true }
          #expect(client.stats.reconnects == 0)
          await allow(server, "<old")
          _ = try await server.cli(["client", "kill", "user", "weir"])
          await eventually("no new connection") { client.stats.reconnects == 2 }
          #expect(try await client.send(command("PING")) == .simple("PONG"))
        }
      }
    }

    @Test("a connection that was being made when the password changed says the new one, too (issue 5)")
    func announcedMeanwhile() async throws {
      try await RedisServer.with { server in
        await allow(server, ">old", ">new")
        let password = NIOLockedValueBox<String?>("old")
        try await DelayingProxy.with(upstream: server.port, delay: 500_000...500_000) { proxy in
          var configuration = configuration(server, password)
          configuration.deployment = .single(.tcp(host: "127.0.0.1", port: proxy.port))
          configuration.connections = 1
          let before = auths(try await server.cli(["info", "commandstats"]))
          func said() async -> Int? { (try? await server.cli(["info", "commandstats"])).map { auths($0) - before } }
          try await withClient(configuration) { client in
            // The server has heard the old one; the client does not know it yet.
            await eventually("it does not connect") { await said() == 1 }
            #expect(client.stats.connections == 0)
            password.withLockedValue { $0 = "new" }
            await eventually("it is not said") { await said() == 2 }
            #expect(client.stats.failures[.authentication, default: 0] == 0)
          }
        }
      }
    }

    private func auths(_ info: String) -> Int {
      let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("cmdstat_auth:calls=") }
      return line.flatMap { Int($0.dropFirst("cmdstat_auth:calls=".count).prefix { $0 != "," }) } ?? 0
    }

    @Test("a file that cannot be read for a while costs new connections, not those that are there; a wrong password likewise")
    func unreadable() async throws {
      try await RedisServer.with { server in
        await allow(server, ">old")
        let password = NIOLockedValueBox<String?>("old")
        try await withClient(configuration(server, password)) { client in
          for wrong in [nil, "", "wrong"] as [String?] {
            // An attempt that has read the old password and is still on its way would survive the kill.
            await eventually("not both are there") { client.stats.connections == 2 }
            let before = client.stats.failures[.authentication, default: 0]
            password.withLockedValue { $0 = wrong }
            // Once on each connection, as soon as it is read; so what was counted before it was set is compared.
            if wrong == "wrong" { await eventually("it is not tried") { client.stats.failures[.authentication, default: 0] == before + 2 } }
            #expect(try await client.send(command("PING")) == .simple("PONG"))
            let failures = client.stats.failures[.authentication, default: 0]
            _ = try await server.cli(["client", "kill", "user", "weir"])
            await eventually("it connects") { client.stats.connections == 0 && client.stats.failures[.authentication, default: 0] > failures }
            password.withLockedValue { $0 = "old" }
            #expect(await client.waitUntilReady(timeout: .seconds(30)))
          }
        }
      }
    }
  }
}
