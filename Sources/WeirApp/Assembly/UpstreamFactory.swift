internal import Crypto
package import Logging
package import WeirCore
package import WeirHTTPClient
internal import WeirPipeline
internal import WeirUpstream

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

  /// The upstream, and the HTTP client that it alone uses, to be shut down after it.
  package func make(_ settings: Settings.Upstream) -> (any Upstream, HTTPClient?) {
    var configuration = UpstreamConfiguration(name: settings.name)
    configuration.era = UpstreamConfiguration.EraPolicy(rawValue: settings.era) ?? .auto
    configuration.clientVersion = Version.current
    configuration.connectTimeout = settings.startTimeout
    configuration.probeTimeout = min(configuration.probeTimeout, settings.startTimeout / 2)
    switch settings.transport {
    case .stdio(let command, let environment, let processes):
      var stdio = StdioConfiguration(command: command.first == Settings.thisProgram ? [program] + command.dropFirst() : command)
      stdio.environment = environment
      stdio.processes = processes
      #if os(Linux)
        stdio.guardCommand = [program, "guard"]
      #endif
      stdio.maxLineBytes = settings.maxResultBytes
      return (StdioUpstream(configuration, stdio, observer: observer, time: time, logger: logger), nil)
    case .http(let url, let headers, let caFile):
      var client = HTTPClientConfiguration()
      client.certificateAuthorityFile = caFile
      // A pool of connections for each upstream: what one server does to them never concerns another.
      let pool = HTTPClient(configuration: client, logger: logger)
      var http = HTTPUpstreamConfiguration(url: url)
      http.headers = headers
      http.maxResponseBytes = settings.maxResultBytes
      return (HTTPUpstream(configuration, http, client: pool, observer: observer, time: time, logger: logger), pool)
    }
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
