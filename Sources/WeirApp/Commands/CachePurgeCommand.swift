internal import Logging
internal import WeirCache
internal import WeirCore
internal import WeirHTTPClient
internal import WeirJSON

/// What `weir cache purge` does: has a running Weir forget answers.
package struct CachePurgeCommand: Sendable {
  /// The environment variable that `listen.admin_token` is in.
  package static let tokenVariable = "WEIR_ADMIN_TOKEN"
  private static let maxBytes = 1 << 20

  /// What is to be purged, as it was written.
  package struct Options: Sendable {
    package var keys: [String] = []
    package var tools: [String] = []
    package var upstreams: [String] = []
    package var tenants: [String] = []
    package var tags: [String] = []
    package var all = false
    package var isDry = false

    package init() {}
  }

  private let scopes: [PurgeScope]
  private let isDry: Bool
  private let url: String
  private let token: String?

  /// - Parameters:
  ///   - url: where the running Weir has its admin listener.
  ///   - token: what it wants to be shown; nil for none.
  /// - Throws: where one of them can't be meant.
  package init(_ options: Options, url: String, token: String?) throws(CommandError) {
    var scopes: [PurgeScope] = options.all ? [.all] : []
    // A tool may be named beside its upstream; the upstream as such is not meant then.
    var upstreams = options.upstreams
    for tool in options.tools {
      if let scope = PurgeScope(.tool, Name(tool)) {
        scopes.append(scope)
      } else if let upstream = options.upstreams.first, options.upstreams.count == 1, !tool.isEmpty {
        scopes.append(.tool(upstream: Name(upstream), tool: Name(tool)))
        upstreams = []
      } else {
        throw CommandError("--tool \(tool): write it as UPSTREAM__TOOL, or name one --upstream beside it")
      }
    }
    for (kind, names) in [(PurgeScope.Kind.key, options.keys), (.upstream, upstreams), (.tenant, options.tenants), (.tag, options.tags)] {
      for name in names {
        guard let scope = PurgeScope(kind, Name(name)) else { throw CommandError("--\(kind.rawValue) \(name): \(Self.help(kind))") }
        scopes.append(scope)
      }
    }
    guard !scopes.isEmpty else { throw CommandError("say what to purge: --key, --tool, --upstream, --tenant, --tag or --all") }
    guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
      throw CommandError("--url needs the admin address of a running Weir, such as http://127.0.0.1:9090")
    }
    self.scopes = scopes
    self.isDry = options.isDry
    self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
    self.token = token
  }

  private static func help(_ kind: PurgeScope.Kind) -> String {
    kind == .key ? "a key is 64 hexadecimal digits" : "a name can't be empty"
  }

  /// - Returns: what Weir said, one line of JSON; and whether the purge counts wherever it has to.
  package func run() async throws(CommandError) -> (text: String, isComplete: Bool) {
    let (status, body) = try await post()
    guard let root = try? JSONDocument(parsing: body).root, root.kind == .object else {
      throw CommandError("\(url)\(CachePurges.path) answered with status \(status) and no JSON: --url names the admin address of a Weir")
    }
    guard status == 200 || status == 202 else {
      let problem = root["error"]?.string.map { UsageText.printable($0, limit: 500) } ?? "status \(status)"
      throw CommandError(status == 401 ? "\(problem). Here it is taken from the environment variable \(Self.tokenVariable)" : problem)
    }
    return (UsageText.printable(String(decoding: body, as: UTF8.self), limit: Self.maxBytes) + "\n", status == 200)
  }

  private var order: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("scopes")
    writer.beginArray()
    for scope in scopes { writer.value(scope.description) }
    writer.endArray()
    writer.member("dryRun", isDry)
    writer.endObject()
    return writer.bytes
  }

  private func post() async throws(CommandError) -> (status: Int, body: [UInt8]) {
    let client = HTTPClient(logger: Logger(label: "weir.cache") { _ in SwiftLogNoOpLogHandler() })
    var headers = [("Accept", "application/json"), ("Content-Type", "application/json")]
    if let token { headers.append(("Authorization", "Bearer \(token)")) }
    do throws(HTTPClientError) {
      let request = HTTPRequest(
        method: "POST", url: url + CachePurges.path, headers: headers, body: order, connectTimeout: .seconds(5), headTimeout: .seconds(20),
        idleTimeout: .seconds(10), totalTimeout: .seconds(30), maxBodyBytes: Self.maxBytes, isRepeatable: true)
      let response = try await client.send(request)
      let body = try await response.body.collect(upTo: Self.maxBytes)
      await client.shutdown()
      return (response.head.status, body)
    } catch {
      await client.shutdown()
      throw CommandError("can't ask \(url): \(error). Is Weir's admin listener there (listen.admin_address)? --url names another address")
    }
  }
}
