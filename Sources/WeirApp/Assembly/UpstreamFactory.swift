internal import Crypto
package import Logging
package import WeirCore
package import WeirHTTPClient
internal import WeirPipeline
package import WeirUpstream

/// Makes the upstreams that the settings name.
package struct UpstreamFactory: Sendable {
  /// The path of this program, for the guard of child processes and for the built-in sample.
  package let program: String
  package let observer: any UpstreamObserver
  package let time: any TimeSource
  package let logger: Logger

  package init(program: String, observer: any UpstreamObserver, time: any TimeSource, logger: Logger) {
    self.program = program
    self.observer = observer
    self.time = time
    self.logger = logger
  }

  /// The shared upstream, how the others beside it are made, and the HTTP client that all of them use.
  private struct Parts {
    let shared: any SharedUpstream
    let member: @Sendable (UpstreamConfiguration) -> any Upstream
    let client: HTTPClient?
  }

  /// The upstream with the sessions that some callers have for themselves, and the HTTP client that it alone uses, to be shut down after it.
  package func makeFamily(_ settings: Settings.Upstream) -> (UpstreamFamily, HTTPClient?) {
    let parts = parts(settings)
    let family = UpstreamFamily(parts.shared, isolation: settings.isolation, limit: settings.maxSessions, time: time) { caller in
      var own = configuration(settings)
      // A URL has sessions for callers in the handshake era only.
      if own.era == .auto, !settings.isStdio { own.era = .legacy }
      own.clientCapabilities = caller.capabilities
      own.home = caller.home
      own.awaitsOpening = true
      own.listsCatalog = false
      return parts.member(own)
    }
    return (family, parts.client)
  }

  /// What everybody shares.
  package func make(_ settings: Settings.Upstream) -> (any SharedUpstream, HTTPClient?) {
    let parts = parts(settings)
    return (parts.shared, parts.client)
  }

  private func parts(_ settings: Settings.Upstream) -> Parts {
    let configuration = configuration(settings)
    let (time, logger) = (time, logger)
    switch settings.transport {
    case .stdio(let command, let environment, let processes):
      let many = stdio(settings, command, environment, processes: processes)
      let one = stdio(settings, command, environment, processes: 1)
      return Parts(
        shared: StdioUpstream(configuration, many, observer: observer, time: time, logger: logger),
        member: { StdioUpstream($0, one, time: time, logger: logger) }, client: nil)
    case .http(let url, let headers, let caFile):
      var client = HTTPClientConfiguration()
      client.certificateAuthorityFile = caFile
      // A pool of connections for each upstream: what one server does to them never concerns another.
      let pool = HTTPClient(configuration: client, logger: logger)
      let http = http(settings, url, headers)
      return Parts(
        shared: HTTPUpstream(configuration, http, client: pool, observer: observer, time: time, logger: logger),
        member: { HTTPUpstream($0, http, client: pool, time: time, logger: logger) }, client: pool)
    }
  }

  private func configuration(_ settings: Settings.Upstream) -> UpstreamConfiguration {
    var configuration = UpstreamConfiguration(name: settings.name)
    configuration.era = UpstreamConfiguration.EraPolicy(rawValue: settings.era) ?? .auto
    configuration.clientVersion = Version.current
    configuration.connectTimeout = settings.startTimeout
    configuration.probeTimeout = min(configuration.probeTimeout, settings.startTimeout / 2)
    return configuration
  }

  private func stdio(
    _ settings: Settings.Upstream, _ command: [String], _ environment: [String: Secret], processes: Int
  ) -> StdioConfiguration {
    var stdio = StdioConfiguration(command: command.first == Settings.thisProgram ? [program] + command.dropFirst() : command)
    stdio.environment = environment
    stdio.processes = processes
    #if os(Linux)
      stdio.guardCommand = [program, "guard"]
    #endif
    stdio.maxLineBytes = settings.maxResultBytes
    return stdio
  }

  private func http(_ settings: Settings.Upstream, _ url: String, _ headers: [(name: String, value: Secret)]) -> HTTPUpstreamConfiguration {
    var http = HTTPUpstreamConfiguration(url: url)
    http.headers = headers
    http.transport = settings.urlTransport
    http.maxResponseBytes = settings.maxResultBytes
    return http
  }

  /// Stands for what the upstream is called with: it changes when the command, the URL or a credential does, and then no old answer is found.
  package static func credential(of settings: Settings.Upstream) -> Name {
    var hash = SHA256()
    // Before every text its length and before every list its count, so that no two upstreams are the same bytes.
    func add(count: Int) { withUnsafeBytes(of: UInt64(count).bigEndian) { hash.update(bufferPointer: $0) } }
    func add(_ text: String) {
      add(count: text.utf8.count)
      hash.update(data: Array(text.utf8))
    }
    switch settings.transport {
    case .stdio(let command, let environment, _):
      add("stdio")
      add(count: command.count)
      for word in command { add(word) }
      add(count: environment.count)
      for name in environment.keys.sorted() {
        add(name)
        add(environment[name]?.reveal ?? "")
      }
    case .http(let url, let headers, _):
      add("http")
      add(url)
      add(count: headers.count)
      for header in headers {
        add(header.name)
        add(header.value.reveal)
      }
    }
    return Name(hash.finalize().map { byte in String(byte, radix: 16) }.joined(separator: "."))
  }
}
