package import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import UnixSignals
internal import WeirCore
internal import WeirServer

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// What `weir serve` does.
package enum ServeCommand {
  /// Whom Weir serves on standard input and output.
  package struct LocalClient: Sendable {
    /// Nil: all upstreams as one.
    package var upstream: String?

    package init(upstream: String?) {
      self.upstream = upstream
    }
  }

  /// Runs until SIGTERM or SIGINT; for a local client until standard input ends, too.
  /// - Parameters:
  ///   - file: nil for the built-in sample.
  ///   - address: overrides `listen.address`.
  ///   - client: listens on a free port of this machine, for this client; nil: for others, by HTTP alone.
  /// - Throws: `SettingsError`; errors of listening.
  package static func run(file: String?, address: String?, for client: LocalClient? = nil, logLevel: Logger.Level) async throws {
    LoggingSystem.bootstrap { _ in LineLogHandler(level: logLevel) }
    Machine.sizeEventLoops()
    Machine.raiseDescriptorLimit()
    let logger = Logger(label: "weir")
    var settings = try settings(file: file, address: address)
    let key = client == nil ? nil : listenPrivately(&settings)
    let read: @Sendable () throws -> Settings = { try Self.settings(file: file, address: address) }
    let assembly = try Assembly(
      settings, file: file ?? "built-in sample", program: Machine.program, read: file == nil ? nil : read, time: time, logger: logger)
    var services = assembly.services.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) }
    // A local client's terminal hangs up when it ends; whoever serves others is told so to read its file again.
    if client == nil { services.append(.init(service: ReloadService(reloader: assembly.reloader))) }
    if let client { services.append(try bridge(client, key: key, assembly, settings, logger).configured) }
    var configuration = ServiceGroupConfiguration(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = settings.listen.shutdownDelay + settings.listen.shutdownGrace + .seconds(10)
    logger.info("weir starts", metadata: ["version": "\(Version.current)", "configuration": "\(file ?? "built-in sample")"])
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        // Beside the services, since the port is known only once they run; cancelled and awaited when they end.
        group.addTask { [settings] in await announce(assembly, settings, logger) }
        try await ServiceGroup(configuration: configuration).run()
        group.cancelAll()
      }
    } catch let error as IOError {
      throw CommandError(Self.message(error, settings.listen, file: file, isOverridden: address != nil))
    }
    logger.info("weir has ended")
  }

  /// The clocks of the machine; in debug builds those of a test that asks for it.
  private static var time: any TimeSource {
    #if DEBUG
      if let clock = TestClock() { return clock }
    #endif
    return SystemTime()
  }

  /// - Parameter isOverridden: the address is that of `--listen`.
  static func message(_ error: IOError, _ listen: Settings.Listen, file: String?, isOverridden: Bool) -> String {
    let keys = [isOverridden ? "--listen" : "listen.address"] + (listen.admin == nil ? [] : ["listen.admin_address"])
    let origin = (file.map { "\($0): " } ?? "") + keys.joined(separator: " or ")
    let places = [(listen.host, listen.port)] + (listen.admin.map { [($0.host, $0.port)] } ?? [])
    let text = places.map { "\($0.0) port \($0.1)" }.joined(separator: " or ")
    let reason =
      switch error.errnoCode {
      case EADDRINUSE: "another program does; stop it, or choose another address"
      case EACCES: "this user may not; choose a port from 1024 on"
      case EADDRNOTAVAIL: "this machine has no such address"
      default: "\(error)"
      }
    return "\(origin): can't listen on \(text): \(reason)"
  }

  private static func settings(file: String?, address: String?) throws(SettingsError) -> Settings {
    var settings = if let file { try SettingsFile.read(file) } else { try Settings.sample() }
    guard let address else { return settings }
    guard let (host, port) = SettingsReader.address(address) else {
      throw SettingsError(file: "--listen", line: nil, key: "", message: "\"\(address)\" is no address; write for example 127.0.0.1:8080")
    }
    (settings.listen.host, settings.listen.port) = (host, port)
    try SettingsReader.refuseOpenDoors(settings, file: "--listen", line: nil)
    return settings
  }

  private static func announce(_ assembly: Assembly, _ settings: Settings, _ logger: Logger) async {
    guard let ports = await assembly.front.ports() else { return }
    let host = settings.listen.host.utf8.contains(UInt8(ascii: ":")) ? "[\(settings.listen.host)]" : settings.listen.host
    let upstreams = settings.upstreams.map(\.name.string).joined(separator: ",")
    logger.info("weir listens", metadata: ["url": "http://\(host):\(ports.main)/mcp", "upstreams": "\(upstreams)"])
    if let admin = ports.admin { logger.info("metrics and health have their own listener", metadata: ["port": "\(admin)"]) }
  }
}
