import Foundation
import Logging
import Testing
import WeirRedis

extension NetworkTests {
  @Suite(
    .enabled(if: RedisServer.hasTLS && TestCertificates.openssl != nil, "redis-server with TLS, or openssl, is not on PATH"), .timeLimit(.minutes(3)))
  struct RedisTLSTests {
    private func withTLSServer(_ body: (RedisServer, TestCertificates) async throws -> Void) async throws {
      let directory = try RedisServer.temporaryDirectory()
      defer { try? FileManager.default.removeItem(at: directory) }
      let certificates = try TestCertificates(in: directory)
      try await RedisServer.with(.init(tls: certificates)) { try await body($0, certificates) }
    }

    @Test("rediss works by name and by address, where the CA is trusted")
    func trusted() async throws {
      try await withTLSServer { server, certificates in
        for host in ["localhost", "127.0.0.1"] {
          var configuration = try patient("rediss://\(host):\(server.port)")
          configuration.certificateAuthorityFile = certificates.authority
          try await withClient(configuration) { client in
            try #require(await client.waitUntilReady(timeout: .seconds(30)), "\(host)")
            let value = [UInt8](repeating: 9, count: 1 << 20)
            #expect(try await client.send([bytes("SET"), bytes("k"), value]) == .simple("OK"))
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
          configuration.certificateAuthorityFile = authority
          // 127.0.0.2 needs a listener of its own: the certificate names 127.0.0.1 only.
          if host != "localhost" {
            try await DelayingProxy.with(upstream: server.port, delay: 0...0, host: host) { proxy in
              configuration.url = try RedisURL(parsing: "rediss://\(host):\(proxy.port)")
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
        await eventually("no TLS failure for \(configuration.url.endpoint)") { client.stats.failures[.tls, default: 0] > 0 }
        #expect(client.stats.connections == 0)
      }
    }

    @Test("a CA file that is not there is said at once")
    func missingFile() throws {
      var configuration = try patient("rediss://localhost")
      configuration.certificateAuthorityFile = "/nonexistent/ca.pem"
      let error = #expect(throws: RedisError.self) { try RedisClient(configuration: configuration, logger: .init(label: "test")) }
      #expect(error?.code == .tls)
      #expect(error?.message.contains("/nonexistent/ca.pem") == true)
    }
  }
}
