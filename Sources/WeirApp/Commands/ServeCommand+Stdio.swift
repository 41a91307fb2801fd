internal import Logging
internal import ServiceLifecycle
internal import WeirCore
internal import WeirServer
internal import WeirStdio
internal import WeirTenancy

/// `weir serve --stdio`: a whole Weir for one client, which starts it as a local server.
extension ServeCommand {
  /// How long the first line waits for the upstreams: many clients ask for tools once.
  private static let patience: Duration = .seconds(10)

  /// On a port that no other Weir has, so that several clients can start one each. Where there are no tenants, others on this machine are kept out
  /// by a key that only the bridge knows: it is returned.
  static func listenPrivately(_ settings: inout Settings) -> Secret? {
    (settings.listen.host, settings.listen.port) = ("127.0.0.1", 0)
    settings.listen.admin = nil
    guard settings.tenants.isEmpty else { return nil }
    let key = APIKey.generate()
    let digest = APIKey.digest(of: key.reveal.utf8)
    settings.tenants = [Tenant(name: "local", keys: [Tenant.Key(name: "stdio", digest: digest)], allow: ToolPattern("*").map { [$0] } ?? [])]
    return key
  }

  /// - Throws: `CommandError` where the client could be served nothing.
  /// - Parameter key: what the bridge shows, in the place of `WEIR_TOKEN`.
  static func bridge(
    _ client: LocalClient, key: Secret?, _ assembly: Assembly, _ settings: Settings, _ logger: Logger
  ) throws(CommandError) -> BridgeService {
    let configured = try StdioCommand.token()
    let token = key ?? configured
    if token == nil, !settings.tenants.isEmpty {
      throw CommandError("the configuration has tenants: set WEIR_TOKEN to the key of one in the environment that your client starts weir with")
    }
    if let name = client.upstream, !settings.upstreams.contains(where: { $0.name == Name(name) }) {
      let names = settings.upstreams.map(\.name.string).joined(separator: ", ")
      throw CommandError("--upstream: there is no upstream \"\(name)\"; there are: \(names)")
    }
    let path = "/mcp" + (client.upstream.map { "/\($0)" } ?? "")
    return BridgeService {
      guard let ports = await assembly.front.ports() else { return nil }
      await settled(assembly.readiness)
      var configuration = BridgeConfiguration(url: "http://127.0.0.1:\(ports.main)\(path)", version: Version.current)
      configuration.token = token
      return StdioBridge(configuration, logger: logger)
    }
  }

  /// Returns when the upstreams have come up or failed to, when patience ends, and when the process is to end.
  private static func settled(_ readiness: Readiness) async {
    let time = SystemTime()
    let deadline = time.now() + patience
    await cancelWhenGracefulShutdown {
      while !readiness.isSettled, time.now() < deadline {
        do { try await time.sleep(until: time.now() + .milliseconds(20)) } catch { return }
      }
    }
  }
}
