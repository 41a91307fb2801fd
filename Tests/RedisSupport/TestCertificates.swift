package import Foundation
package import WeirTestSupport

/// A certificate authority, a server certificate for `localhost` and 127.0.0.1, and a client's, made by the openssl program.
package struct TestCertificates {
  package let directory: URL
  package var authority: String { path("ca.pem") }
  package var certificate: String { path("server.pem") }
  package var key: String { path("server.key") }
  package var clientCertificate: String { path("client.pem") }
  package var clientKey: String { path("client.key") }

  package static let openssl = Program("openssl")
  private static let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

  package init(in directory: URL) async throws {
    self.directory = directory
    let own = ["-days", "2", "-subj", "/CN=Weir test CA", "-keyout", path("ca.key"), "-out", path("ca.pem")]
    try await Self.run(["req", "-x509"] + Self.curve + own)
    try await sign("server", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    try await sign("client", "extendedKeyUsage=clientAuth")
  }

  private func sign(_ name: String, _ extensions: String) async throws {
    try await Self.run(["req"] + Self.curve + ["-subj", "/CN=\(name)", "-keyout", path("\(name).key"), "-out", path("\(name).csr")])
    try "\(extensions)\n".write(toFile: path("extensions"), atomically: true, encoding: .utf8)
    let authority = ["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial", "-days", "2"]
    try await Self.run(["x509", "-req", "-in", path("\(name).csr")] + authority + ["-extfile", path("extensions"), "-out", path("\(name).pem")])
  }

  private func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

  private static func run(_ arguments: [String]) async throws {
    guard let openssl else { throw RedisServer.StartFailure(message: "openssl is not on PATH") }
    _ = try await openssl.run(arguments)
  }
}
