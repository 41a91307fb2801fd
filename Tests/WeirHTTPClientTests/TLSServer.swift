import Foundation
import Subprocess
import WeirTestSupport

/// A real TLS server, `openssl s_server`, with a certificate of its own for `localhost`: the package's tests have no TLS of their own.
struct TLSServer {
  private enum Failure: Error { case isNotInstalled, didNotStart }

  /// nil where it is not on PATH.
  static let openssl = Program("openssl")

  let port: Int
  /// The certificate, which is also its own authority.
  let certificateFile: String

  /// Runs `body` with a listening server, then ends it.
  static func run(_ body: (TLSServer) async throws -> Void) async throws {
    guard let openssl else { throw Failure.isNotInstalled }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-tls-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let key = folder.appendingPathComponent("key.pem").path
    let certificate = folder.appendingPathComponent("certificate.pem").path
    _ = try await openssl.run([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
      "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
    ])
    let arguments: Arguments = ["s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-www"]
    _ = try await Subprocess.run(.name(openssl.name), arguments: arguments, input: .none, output: .sequence, error: .discarded) { server in
      var port: Int?
      for try await line in server.standardOutput.strings() {
        // Said as soon as it listens.
        guard let match = line.firstMatch(of: /ACCEPT [0-9.]+:([0-9]+)/) else { continue }
        port = Int(match.1)
        break
      }
      guard let port else { throw Failure.didNotStart }
      try await body(TLSServer(port: port, certificateFile: certificate))
      // Not SIGTERM: the mask of signals that it has inherited may block that.
      try server.send(signal: .kill)
    }
  }
}
