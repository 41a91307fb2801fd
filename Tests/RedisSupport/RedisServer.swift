package import Foundation
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import Subprocess
package import WeirRedis
package import WeirTestSupport

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

  /// nil where it is not on PATH; likewise redis-cli.
  package static let executable = Program("redis-server")
  package static let cli = Program("redis-cli")

  /// Whether it was built with TLS: then it complains about the number, else about the option.
  package static func hasTLS() async -> Bool {
    guard let outcome = try? await executable?.outcome(["--tls-port", "none"]) else { return false }
    return (outcome.output + outcome.errors).contains("integer")
  }

  /// A process, and the task that waits for its end and kills it when it is cancelled.
  private struct Running {
    var id: Int32?
    let task: Task<Void, Never>
  }

  package let port: Int
  package let directory: URL
  private let arguments: [String]
  private let running = NIOLockedValueBox<Running?>(nil)

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
    do {
      try await server.start()
      try await body(server)
      await server.kill()
    } catch {
      await server.kill()
      throw error
    }
  }

  /// Returns when the process is there, which is before it listens.
  package func start() async throws {
    guard let executable = Self.executable else { throw StartFailure(message: "redis-server is not on PATH") }
    let (started, process) = AsyncThrowingStream.makeStream(of: Int32.self)
    let task = Task { [arguments] in
      do {
        _ = try await Subprocess.run(
          .name(executable.name), arguments: Arguments(arguments), input: .none, output: .discarded, error: .discarded
        ) { execution in
          process.yield(execution.processIdentifier.value)
          // Until it is killed: it is not reaped before, so its number is no other process's.
          try await Task.sleep(for: .seconds(24 * 3600))
        }
      } catch {
        process.finish(throwing: error)
      }
    }
    running.withLockedValue { $0 = Running(task: task) }
    for try await id in started { return running.withLockedValue { $0?.id = id } }
    throw StartFailure(message: "redis-server was not started")
  }

  /// SIGKILL, and waits for its end.
  package func kill() async {
    let process = running.withLockedValue { process in
      defer { process = nil }
      return process
    }
    process?.task.cancel()
    await process?.task.value
  }

  package func signal(_ number: Int32) {
    if let id = running.withLockedValue({ $0?.id }) { _ = Glibc.kill(id, number) }
  }

  /// What redis-cli prints when it is given the server and these arguments.
  package func cli(_ arguments: [String]) async throws -> String {
    guard let cli = Self.cli else { throw StartFailure(message: "redis-cli is not on PATH") }
    return try await cli.run(["-p", "\(port)"] + arguments)
  }

  package var endpoint: RedisEndpoint { .tcp(host: "127.0.0.1", port: port) }
  package var url: String { "redis://127.0.0.1:\(port)" }

  package static func temporaryDirectory() throws -> URL {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("weir-redis-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    return directory
  }

  /// Below the ports that the system gives out by itself, so that nobody gets it before the server does.
  package static func freePort() async throws -> Int {
    for _ in 0..<1000 {
      let port = lastPort.withLockedValue { last in
        last = last < 31_999 ? last + 1 : 11_000
        return last
      }
      if let channel = try? await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: port).get() {
        try await channel.close()
        return port
      }
    }
    throw StartFailure(message: "no port is free between 11000 and 31999")
  }

  private static let lastPort = NIOLockedValueBox(Int.random(in: 11_000..<32_000))
}
