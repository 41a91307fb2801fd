import ArgumentParser
import Logging
import WeirApp

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The command line. Each subcommand parses, and calls what does the work in `WeirApp`.
struct Weir: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weir", abstract: "A shared, caching, pacing front for the MCP servers of a FinOps team.", version: Version.current,
    subcommands: [Serve.self, Stdio.self, Check.self, Report.self, Cache.self, Keys.self, Sample.self, ShowVersion.self])
}

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs Weir. Without a configuration it fronts a built-in sample server on loopback.")

  @Option(help: "The configuration, in YAML (docs/configuration.md).")
  var config: String?

  @Option(help: "The address to listen on, instead of the configuration's, such as 127.0.0.1:8080.")
  var listen: String?

  @Flag(help: "Serve one client on standard input and output, listening on a free port of this machine. The key is in WEIR_TOKEN.")
  var stdio = false

  @Option(help: "With --stdio: serve this one upstream, its names as they are.")
  var upstream: String?

  @Option(help: "trace, debug, info, notice, warning, error or critical.")
  var logLevel: String = "info"

  func validate() throws {
    if stdio, listen != nil { throw ValidationError("--stdio listens where no other does; leave out --listen") }
    if !stdio, upstream != nil { throw ValidationError("--upstream belongs to --stdio; over HTTP an upstream is at /mcp/NAME") }
  }

  func run() async throws {
    let level = try parsed(logLevel)
    let client = stdio ? ServeCommand.LocalClient(upstream: upstream) : nil
    try await failing { try await ServeCommand.run(file: config, address: listen, for: client, logLevel: level) }
  }
}

struct Stdio: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Brings a client that knows only local servers to an MCP endpoint: standard input and output here, Streamable HTTP there.",
    discussion: "The key is in the environment variable WEIR_TOKEN.")

  @Option(help: "The endpoint, such as https://weir.example.com/mcp.")
  var url: String

  @Option(help: "A file of PEM certificates that are trusted instead of the system's.")
  var caFile: String?

  @Flag(help: "Allow http:// to another machine.")
  var allowInsecure = false

  @Option(help: "trace, debug, info, notice, warning, error or critical.")
  var logLevel: String = "notice"

  func run() async throws {
    let level = try parsed(logLevel)
    let options = StdioCommand.Options(url: url, allowsInsecure: allowInsecure, certificateAuthorityFile: caFile)
    try await failing { try await StdioCommand.run(options, logLevel: level) }
  }
}

struct Check: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Validates a configuration, starts its upstreams, and lists their tools with what Weir will do with each.")

  @Argument(help: "The configuration, in YAML.")
  var file: String

  @Flag(help: "Only read the file; start nothing.")
  var offline = false

  func run() async throws {
    let isComplete = try await failing { try await CheckCommand(file: file) { print($0) }.run(isOffline: offline) }
    if !isComplete { throw ExitCode(1) }
  }
}

struct Report: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Prints what a month's calls cost and saved, from a running Weir or its usage file.")

  @Option(help: "Where Weir runs; its admin_address, where the configuration has one.")
  var url: String = "http://127.0.0.1:8080"

  @Option(help: "The month, such as 2026-11 (UTC). Default: the running one.")
  var month: String?

  @Option(help: "Read this usage file instead of asking a running Weir.")
  var file: String?

  @Flag(help: "Print JSON.")
  var json = false

  @Option(help: "How many tools, tenants and providers to show.")
  var top: Int = 10

  func run() async throws {
    let report = try await failing { try await ReportCommand(url: url, month: month, file: file, isJSON: json, top: top).run() }
    print(report, terminator: "")
  }
}

struct Cache: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Manages the answers that a running Weir keeps.", subcommands: [Purge.self])

  struct Purge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Has a running Weir, and with Redis its whole fleet, forget answers. What is being fetched now is kept nowhere.",
      discussion: "Where Weir wants a key (listen.admin_token), it is in the environment variable WEIR_ADMIN_TOKEN. "
        + "Exit status 1: it counts at this Weir, but Redis was not reached.")

    @Option(help: "One answer, by the 64 hexadecimal digits of its key.")
    var key: [String] = []

    @Option(help: "The answers of a tool, such as aws-billing__get_cost_and_usage.")
    var tool: [String] = []

    @Option(help: "All of an upstream.")
    var upstream: [String] = []

    @Option(help: "All that a tenant's callers are given.")
    var tenant: [String] = []

    @Option(help: "The answers of tools that have this tag in the configuration.")
    var tag: [String] = []

    @Flag(help: "Every answer.")
    var all = false

    @Option(help: "Where Weir runs: its admin_address.")
    var url: String = "http://127.0.0.1:9090"

    @Flag(help: "Only check the names.")
    var dryRun = false

    func run() async throws {
      var options = CachePurgeCommand.Options()
      (options.keys, options.tools, options.upstreams, options.tenants, options.tags) = (key, tool, upstream, tenant, tag)
      (options.all, options.isDry) = (all, dryRun)
      let token = getenv(CachePurgeCommand.tokenVariable).map { String(cString: $0) }
      let (text, isComplete) = try await failing { [options] in try await CachePurgeCommand(options, url: url, token: token).run() }
      print(text, terminator: "")
      if !isComplete { throw ExitCode(1) }
    }
  }
}

struct Keys: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Makes API keys.", subcommands: [New.self])

  struct New: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints a new key, and the lines of configuration that let it in.")

    @Option(help: "The tenant that the key belongs to.")
    var tenant: String

    @Option(help: "What the key is called in logs.")
    var name: String = "default"

    func run() async throws {
      print(try await failing { try KeysCommand.new(tenant: tenant, name: name) }, terminator: "")
    }
  }
}

struct Sample: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "An MCP server with an invented bill, over standard input and output or over HTTP.")

  @Option(help: "Serve Streamable HTTP at this address instead of standard input and output.")
  var listen: String?

  @Option(help: "How long every call takes, in milliseconds.")
  var latency: Int = 1000

  func run() async throws {
    let latency = Duration.milliseconds(max(0, latency))
    if let listen {
      try await failing { try await SampleHTTP.run(address: listen, latency: latency) }
    } else {
      await SampleCommand.run(latency: latency)
    }
  }
}

struct ShowVersion: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

  func run() async throws { print("weir \(Version.current)") }
}

private func parsed(_ text: String) throws -> Logger.Level {
  guard let level = Logger.Level(rawValue: text) else { throw ValidationError("\"\(text)\" is no log level") }
  return level
}

/// Runs a command; what it fails with becomes one line on standard error, and exit status 2 for a configuration that can't be used.
private func failing<Value>(_ body: () async throws -> Value) async throws -> Value {
  do {
    return try await body()
  } catch let error as SettingsError {
    fail(error.description)
    throw ExitCode(2)
  } catch let error as CommandError {
    fail(error.description)
    throw ExitCode(2)
  }
}

private func fail(_ line: String) {
  let bytes = Array("weir: \(line)\n".utf8)
  _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
