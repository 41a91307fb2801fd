package import Foundation
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
package import WeirRedis

/// A real `redis-server` on a free loopback port and with a directory of its own, started by a test and ended with it.
package final class RedisServer: Sendable {
  package struct Options {
    package var password: String?
    /// Certificate, key and CA for a TLS port instead of a plain one.
    package var tls: TestCertificates?
    /// Whether clients must show a certificate of that CA.
    package var asksForCertificate = false
    package var usesUnixSocket = false
    /// As on the command line.
    package var more: [String] = []
    /// A configuration file that the server may write to, with `PORT` for its port, instead of arguments.
    package var sentinelFile: String?

    package init(
      password: String? = nil, tls: TestCertificates? = nil, asksForCertificate: Bool = false, usesUnixSocket: Bool = false, more: [String] = [],
      sentinelFile: String? = nil
    ) {
      self.password = password
      self.tls = tls
      self.asksForCertificate = asksForCertificate
      self.usesUnixSocket = usesUnixSocket
      self.more = more
      self.sentinelFile = sentinelFile
    }
  }

  package struct StartFailure: Error {
    package let message: String

    package init(message: String) { self.message = message }
  }

  package static let executable = find("redis-server")
  /// Whether it was built with TLS: then it complains about the number, else about the option.
  package static let hasTLS: Bool = {
    guard let executable, let output = try? run(executable, ["--tls-port", "none"], mustSucceed: false) else { return false }
    return output.contains("integer")
  }()

  package let port: Int
  package let directory: URL
  private let arguments: [String]
  private let process = NIOLockedValueBox<Process?>(nil)

  private init(port: Int, directory: URL, options: Options) {
    self.port = port
    self.directory = directory
    if options.sentinelFile != nil {
      self.arguments = [directory.appendingPathComponent("sentinel.conf").path, "--sentinel"]
      return
    }
    var arguments = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", directory.path]
    if let tls = options.tls {
      arguments += ["--port", "0", "--tls-port", "\(port)", "--tls-cert-file", tls.certificate, "--tls-key-file", tls.key]
      arguments += ["--tls-ca-cert-file", tls.authority, "--tls-auth-clients", options.asksForCertificate ? "yes" : "no"]
    } else {
      arguments += ["--port", "\(port)"]
    }
    if options.usesUnixSocket { arguments += ["--unixsocket", directory.appendingPathComponent("redis.sock").path] }
    if let password = options.password { arguments += ["--requirepass", password] }
    arguments += options.more
    self.arguments = arguments
  }

  /// Runs `body` with a server, and kills it afterwards.
  package static func with(_ options: Options = Options(), _ body: (RedisServer) async throws -> Void) async throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(at: directory) }
    let server = RedisServer(port: try await freePort(), directory: directory, options: options)
    if let file = options.sentinelFile {
      let text = "port \(server.port)\nbind 127.0.0.1\ndir \(directory.path)\n\(file)\n"
      try text.write(to: directory.appendingPathComponent("sentinel.conf"), atomically: true, encoding: .utf8)
    }
    try server.start()
    do {
      try await body(server)
      await server.kill()
    } catch {
      await server.kill()
      throw error
    }
  }

  package func start() throws {
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
  package func kill() async {
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

  package func signal(_ number: Int32) {
    process.withLockedValue { process in
      if let process { _ = Glibc.kill(process.processIdentifier, number) }
    }
  }

  package var endpoint: RedisEndpoint { .tcp(host: "127.0.0.1", port: port) }
  package var url: String { "redis://127.0.0.1:\(port)" }

  package static func find(_ name: String) -> URL? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
    return path.split(separator: ":").map { URL(fileURLWithPath: String($0)).appendingPathComponent(name) }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }

  package static func temporaryDirectory() throws -> URL {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("weir-redis-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    return directory
  }

  /// Runs a program to its end; what it printed.
  package static func run(_ executable: URL, _ arguments: [String], mustSucceed: Bool = true) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = executable
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = mustSucceed ? FileHandle.nullDevice : output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard !mustSucceed || process.terminationStatus == 0 else {
      throw StartFailure(message: "\(executable.lastPathComponent) \(arguments.first ?? "") failed")
    }
    return String(decoding: data, as: UTF8.self)
  }

  package static func freePort() async throws -> Int {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port ?? 0
    try await channel.close()
    return port
  }
}
