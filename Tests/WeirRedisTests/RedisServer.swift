import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import WeirRedis

/// A real `redis-server` on a free loopback port and with a directory of its own, started by a test and ended with it.
final class RedisServer: Sendable {
  struct Options {
    var password: String?
    /// Certificate, key and CA for a TLS port instead of a plain one.
    var tls: TestCertificates?
    var usesUnixSocket = false
  }

  struct StartFailure: Error {
    let message: String
  }

  static let executable = find("redis-server")
  static let hasTLS: Bool = {
    guard let executable, let output = try? run(executable, ["--tls-port", "0", "--port", "0", "--version"]) else { return false }
    return output.contains("Redis server")
  }()

  let port: Int
  let directory: URL
  private let arguments: [String]
  private let process = NIOLockedValueBox<Process?>(nil)

  private init(port: Int, directory: URL, options: Options) {
    self.port = port
    self.directory = directory
    var arguments = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", directory.path]
    if let tls = options.tls {
      arguments += ["--port", "0", "--tls-port", "\(port)", "--tls-cert-file", tls.certificate, "--tls-key-file", tls.key]
      arguments += ["--tls-ca-cert-file", tls.authority, "--tls-auth-clients", "no"]
    } else {
      arguments += ["--port", "\(port)"]
    }
    if options.usesUnixSocket { arguments += ["--unixsocket", directory.appendingPathComponent("redis.sock").path] }
    if let password = options.password { arguments += ["--requirepass", password] }
    self.arguments = arguments
  }

  /// Runs `body` with a server, and kills it afterwards.
  static func with(_ options: Options = Options(), _ body: (RedisServer) async throws -> Void) async throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(at: directory) }
    let server = RedisServer(port: try await freePort(), directory: directory, options: options)
    try server.start()
    do {
      try await body(server)
      await server.kill()
    } catch {
      await server.kill()
      throw error
    }
  }

  func start() throws {
    guard let executable = Self.executable else { throw StartFailure(message: "redis-server is not on PATH") }
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    self.process.withLockedValue { $0 = process }
  }

  /// SIGKILL, and waits for its end.
  func kill() async {
    guard
      let process = process.withLockedValue({ process in
        defer { process = nil }; return process
      })
    else { return }
    await withCheckedContinuation { continuation in
      process.terminationHandler = { _ in continuation.resume() }
      _ = Glibc.kill(process.processIdentifier, SIGKILL)
    }
  }

  func signal(_ number: Int32) {
    process.withLockedValue { process in
      if let process { _ = Glibc.kill(process.processIdentifier, number) }
    }
  }

  var url: String { "redis://127.0.0.1:\(port)" }

  static func find(_ name: String) -> URL? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
    return path.split(separator: ":").map { URL(fileURLWithPath: String($0)).appendingPathComponent(name) }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }

  static func temporaryDirectory() throws -> URL {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("weir-redis-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    return directory
  }

  /// Runs a program to its end; what it printed.
  static func run(_ executable: URL, _ arguments: [String]) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = executable
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw StartFailure(message: "\(executable.lastPathComponent) \(arguments.first ?? "") failed") }
    return String(decoding: data, as: UTF8.self)
  }

  static func freePort() async throws -> Int {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port ?? 0
    try await channel.close()
    return port
  }
}

/// A certificate authority and a server certificate for `localhost` and 127.0.0.1, made by the openssl program.
struct TestCertificates {
  let directory: URL
  var authority: String { directory.appendingPathComponent("ca.pem").path }
  var certificate: String { directory.appendingPathComponent("server.pem").path }
  var key: String { directory.appendingPathComponent("server.key").path }

  static let openssl = RedisServer.find("openssl")

  init(in directory: URL) throws {
    self.directory = directory
    guard let openssl = Self.openssl else { throw RedisServer.StartFailure(message: "openssl is not on PATH") }
    func file(_ name: String) -> String { directory.appendingPathComponent(name).path }
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _ = try RedisServer.run(
      openssl, ["req", "-x509"] + curve + ["-days", "2", "-subj", "/CN=Weir test CA", "-keyout", file("ca.key"), "-out", file("ca.pem")])
    _ = try RedisServer.run(
      openssl, ["req"] + curve + ["-subj", "/CN=localhost", "-keyout", file("server.key"), "-out", file("server.csr")])
    try "subjectAltName=DNS:localhost,IP:127.0.0.1\n".write(toFile: file("extensions"), atomically: true, encoding: .utf8)
    _ = try RedisServer.run(
      openssl,
      ["x509", "-req", "-in", file("server.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "2"]
        + ["-extfile", file("extensions"), "-out", file("server.pem")])
  }
}
