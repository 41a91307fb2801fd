package import Logging
internal import ServiceLifecycle
internal import UnixSignals
internal import WeirCore
internal import WeirHTTPClient
internal import WeirStdio

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// What `weir stdio` does: one client on standard input and output, served by a URL.
package enum StdioCommand {
  /// What stands on the command line.
  package struct Options: Sendable {
    package var url: String
    package var allowsInsecure: Bool
    /// PEM certificates that are trusted instead of the system's.
    package var certificateAuthorityFile: String?

    package init(url: String, allowsInsecure: Bool, certificateAuthorityFile: String?) {
      self.url = url
      self.allowsInsecure = allowsInsecure
      self.certificateAuthorityFile = certificateAuthorityFile
    }
  }

  /// Runs until standard input ends, SIGTERM or SIGINT.
  /// - Throws: `CommandError` where the options make no sense.
  package static func run(_ options: Options, logLevel: Logger.Level) async throws {
    LoggingSystem.bootstrap { _ in LineLogHandler(level: logLevel) }
    if let fault = BridgeAddress.fault(of: options.url, allowsInsecure: options.allowsInsecure) { throw CommandError("--url: \(fault)") }
    if let file = options.certificateAuthorityFile, access(file, R_OK) != 0 { throw CommandError("--ca-file: \(file) can't be read") }
    var configuration = BridgeConfiguration(url: options.url, version: Version.current)
    configuration.certificateAuthorityFile = options.certificateAuthorityFile
    configuration.token = try token()
    let bridge = BridgeService { [configuration] in StdioBridge(configuration, logger: Logger(label: "weir.stdio")) }
    // The group's own words are about services, which nobody here knows of.
    let quiet = Logger(label: "weir.services") { _ in SwiftLogNoOpLogHandler() }
    let group = ServiceGroupConfiguration(services: [bridge.configured], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
    try await ServiceGroup(configuration: group).run()
  }

  /// What `WEIR_TOKEN` holds: the key, in the environment and not in the arguments, which everybody on the machine can read.
  /// - Throws: it can't be sent.
  static func token() throws(CommandError) -> Secret? {
    guard let value = getenv("WEIR_TOKEN").map({ String(cString: $0) }), !value.isEmpty else { return nil }
    guard value.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw CommandError("WEIR_TOKEN holds a space, a line break or another byte that no key has")
    }
    return Secret(value)
  }
}

/// A bridge as a service: its client's leaving ends the process, and a signal ends it.
struct BridgeService: Service {
  /// Nil where there will be nothing to bridge to.
  let make: @Sendable () async -> StdioBridge?

  init(_ make: @escaping @Sendable () async -> StdioBridge?) {
    self.make = make
  }

  var configured: ServiceGroupConfiguration.ServiceConfiguration {
    ServiceGroupConfiguration.ServiceConfiguration(service: self, successTerminationBehavior: .gracefullyShutdownGroup)
  }

  func run() async throws {
    // A client that is gone shows in the write.
    signal(SIGPIPE, SIG_IGN)
    guard let bridge = await make() else { return }
    await withGracefulShutdownHandler {
      await bridge.run()
    } onGracefulShutdown: {
      bridge.stop()
    }
  }
}
