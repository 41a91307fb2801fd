import Foundation
import Logging
import RedisTestSupport
import Testing
import WeirRedis

extension NetworkTests {
  @Suite(
    .enabled("redis-server with TLS, or openssl, is not on PATH") { await RedisServer.hasTLS() && TestCertificates.openssl != nil },
    .timeLimit(.minutes(3)))
  struct RedisTLSTests {
    private func withTLSServer(
      asksForCertificate: Bool = false, _ body: (RedisServer, TestCertificates) async throws -> Void
    ) async throws {
      let directory = try RedisServer.temporaryDirectory()
      defer { try? FileManager.default.removeItem(at: directory) }
      let certificates = try await TestCertificates(in: directory)
      try await RedisServer.with(.init(tls: certificates, asksForCertificate: asksForCertificate)) { try await body($0, certificates) }
    }

    @Test("rediss works by name and by address, where the CA is trusted")
    func trusted() async throws {
      try await withTLSServer { server, certificates in
        for host in ["localhost", "127.0.0.1"] {
          var configuration = try patient("rediss://\(host):\(server.port)")
          configuration.tls?.authorities = certificates.authority
          try await withClient(configuration) { client in
            try #require(await client.waitUntilReady(timeout: .seconds(30)), "\(host)")
            let value = [UInt8](repeating: 9, count: 1 << 20)
            #expect(try await client.send(RedisCommand("SET", bytes("k"), value)) == .simple("OK"))
            #expect(try await client.send(command("GET", "k")) == .bulk(value))
          }
        }
      }
    }

    @Test("a certificate of an unknown CA, and one for another name, are refused as TLS failures")
    func untrusted() async throws {
      try await withTLSServer { server, certificates in
        for (host, authority) in [("localhost", nil), ("127.0.0.2", certificates.authority)] as [(String, String?)] {
          var configuration = try patient("rediss://\(host):\(server.port)")
          configuration.tls?.authorities = authority
          // 127.0.0.2 needs a listener of its own: the certificate names 127.0.0.1 only.
          if host != "localhost" {
            try await DelayingProxy.with(upstream: server.port, delay: 0...0, host: host) { proxy in
              configuration.deployment = .single(.tcp(host: host, port: proxy.port))
              try await expectTLSFailure(configuration)
            }
          } else {
            try await expectTLSFailure(configuration)
          }
        }
      }
    }

    private func expectTLSFailure(_ configuration: RedisConfiguration) async throws {
      try await withClient(configuration) { client in
        await eventually("no TLS failure for \(configuration.deployment)") { client.stats.failures[.tls, default: 0] > 0 }
        #expect(client.stats.connections == 0)
      }
    }

    @Test("a server that asks for a certificate gets the client's; without one there is no connection")
    func clientCertificate() async throws {
      try await withTLSServer(asksForCertificate: true) { server, certificates in
        var configuration = try patient("rediss://localhost:\(server.port)")
        configuration.tls?.authorities = certificates.authority
        try await withClient(configuration) { client in
          await eventually("it is let in") { client.stats.failures.values.reduce(0, +) > 0 }
          #expect(client.stats.connections == 0)
        }
        configuration.tls?.certificate = certificates.clientCertificate
        configuration.tls?.key = certificates.clientKey
        try await withClient(configuration) { client in
          try #require(await client.waitUntilReady(timeout: .seconds(30)))
          #expect(try await client.send(command("PING")) == .simple("PONG"))
        }
      }
    }

    @Test("files that are not there, hold something else or do not fit are said at once, with their name")
    func unfitFiles() async throws {
      let directory = try RedisServer.temporaryDirectory()
      defer { try? FileManager.default.removeItem(at: directory) }
      let made = try await TestCertificates(in: directory)
      let cases: [(RedisTLSFiles, String)] = [
        (files("/nonexistent/ca.pem", nil, nil), "/nonexistent/ca.pem"), (files(made.authority, made.clientCertificate, nil), "come together"),
        (files(made.authority, nil, made.clientKey), "come together"), (files(made.authority, made.clientKey, made.clientKey), made.clientKey),
        (files(made.authority, made.clientCertificate, made.clientCertificate), made.clientCertificate),
        (files(made.authority, made.clientCertificate, made.key), made.key),
        (files("/nonexistent/ca.pem", made.clientCertificate, made.clientKey), "/nonexistent/ca.pem"),
      ]
      for (files, words) in cases {
        var configuration = try patient("rediss://localhost")
        configuration.tls = files
        let error = #expect(throws: RedisError.self) { try RedisClient(configuration: configuration, logger: .init(label: "test")) }
        #expect(error?.code == .tls)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
      }
    }

    private func files(_ authorities: String?, _ certificate: String?, _ key: String?) -> RedisTLSFiles {
      var files = RedisTLSFiles()
      (files.authorities, files.certificate, files.key) = (authorities, certificate, key)
      return files
    }
  }
}
