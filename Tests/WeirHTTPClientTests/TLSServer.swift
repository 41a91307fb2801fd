import Foundation
import Glibc

/// A real TLS server, `openssl s_server`, with a certificate of its own for `localhost`: the package's tests have no TLS of their own.
struct TLSServer {
  let port: Int
  /// The certificate, which is also its own authority.
  let certificateFile: String

  /// Runs `body` with a listening server, then ends it. Needs `openssl` on the path.
  static func run<R>(_ body: (TLSServer) async throws -> R) async throws -> R {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-tls-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let key = folder.appendingPathComponent("key.pem").path
    let certificate = folder.appendingPathComponent("certificate.pem").path
    let request = try openssl([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
      "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
    ])
    request.process.waitUntilExit()
    let server = try openssl(["s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-www"])
    defer {
      // The child has inherited a signal mask in which SIGTERM may be blocked.
      kill(server.process.processIdentifier, SIGKILL)
      server.process.waitUntilExit()
    }
    guard let port = listeningPort(server.output) else { throw TLSServerError.didNotStart }
    return try await body(TLSServer(port: port, certificateFile: certificate))
  }

  private enum TLSServerError: Error { case didNotStart }

  private static func openssl(_ arguments: [String]) throws -> (process: Process, output: FileHandle) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    process.standardInput = Pipe()
    try process.run()
    return (process, pipe.fileHandleForReading)
  }

  /// `s_server` says "ACCEPT 127.0.0.1:41234" as soon as it listens.
  private static func listeningPort(_ output: FileHandle) -> Int? {
    var said = ""
    while true {
      let data = output.availableData
      if data.isEmpty { return nil }
      said += String(decoding: data, as: UTF8.self)
      if let match = said.firstMatch(of: /ACCEPT [0-9.]+:([0-9]+)\n/) { return Int(match.1) }
    }
  }
}
