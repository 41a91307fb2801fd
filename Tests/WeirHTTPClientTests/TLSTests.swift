import Testing

@testable import WeirHTTPClient

@Suite("TLS", .enabled(if: TLSServer.openssl != nil, "openssl is not on PATH"), .timeLimit(.minutes(5)))
struct TLSTests {
  @Test("a server is trusted by the authority that is configured, under the name in its certificate, and not otherwise")
  func trust() async throws {
    try await TLSServer.run { server in
      try await withClient({ $0.certificateAuthorityFile = server.certificateFile }) { client in
        let response = try await client.send(HTTPRequest(url: "https://localhost:\(server.port)/"))
        #expect(response.head.status == 200)
        #expect(try await !response.body.collect(upTo: 100_000).isEmpty)
        let otherName = try await failure(of: { try await client.send(HTTPRequest(url: "https://127.0.0.1:\(server.port)/")) })
        #expect(otherName == .tls)
      }
      try await withClient { client in
        let unknown = try await failure(of: { try await client.send(HTTPRequest(url: "https://localhost:\(server.port)/")) })
        #expect(unknown == .tls)
      }
      try await withClient({ $0.certificateAuthorityFile = "/nonexistent.pem" }) { client in
        let noFile = try await failure(of: { try await client.send(HTTPRequest(url: "https://localhost:\(server.port)/")) })
        #expect(noFile == .tls)
      }
    }
  }
}
