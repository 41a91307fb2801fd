import Logging
import ServiceLifecycle
import WeirCore

@testable import WeirServer

/// A front on a free port for the time of a test, with the answers of `ScriptedGateway` behind it.
struct RunningFront: Sendable {
  let front: Front
  let gateway: ScriptedGateway
  let port: Int
  let adminPort: Int?
  let group: ServiceGroup

  static func with<Value: Sendable>(
    hooks: FrontHooks = FrontHooks(), fleet: FrontFleet? = nil, _ adjust: (inout FrontConfiguration) -> Void = { _ in },
    _ body: @Sendable (RunningFront) async throws -> Value
  ) async throws -> Value {
    var configuration = FrontConfiguration(address: FrontAddress(host: "127.0.0.1", port: 0), version: "1.2.3")
    configuration.limits.drainGrace = .seconds(2)
    configuration.limits.lingerTimeout = .milliseconds(200)
    adjust(&configuration)
    let gateway = ScriptedGateway()
    var logger = Logger(label: "front")
    logger.logLevel = .critical
    let front = Front(configuration: configuration, gateway: gateway, hooks: hooks, fleet: fleet, logger: logger)
    let group = ServiceGroup(configuration: .init(services: [front], logger: logger))
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      guard let ports = await front.ports() else {
        try await tasks.next()
        throw CancellationError()
      }
      let running = RunningFront(front: front, gateway: gateway, port: ports.main, adminPort: ports.admin, group: group)
      let result: Result<Value, any Error>
      do { result = .success(try await body(running)) } catch { result = .failure(error) }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
      return try result.get()
    }
  }

  // MARK: Requests

  func raw(_ text: String) async throws -> WireResponse { try await WireClient.exchange(port, text) }

  func post(_ body: String, to path: String = "/mcp", _ headers: [String: String] = [:]) async throws -> WireResponse {
    try await raw(Self.request(body, to: path, headers))
  }

  static func request(_ body: String, to path: String = "/mcp", method: String = "POST", _ headers: [String: String] = [:]) -> String {
    var all = ["Host": "localhost", "Content-Type": "application/json", "Accept": "application/json, text/event-stream"]
    for (name, value) in headers { all[name] = value.isEmpty ? nil : value }
    if method == "POST" { all["Content-Length"] = "\(body.utf8.count)" }
    return "\(method) \(path) HTTP/1.1\r\n" + all.map { "\($0): \($1)\r\n" }.joined() + "\r\n" + body
  }

  static let meta =
    #""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#

  /// A modern request with all that it needs; `headers` with an empty value take one away.
  static func modern(_ method: String, name: String? = nil, params: String = "", id: String = "1", _ headers: [String: String] = [:]) -> String {
    var members = [meta]
    if let name { members.append(#""name":"\#(name)""#) }
    if !params.isEmpty { members.append(params) }
    let body = #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":{\#(members.joined(separator: ","))}}"#
    var all = ["MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method]
    if let name { all["Mcp-Name"] = name }
    return request(body, all.merging(headers) { $1 })
  }

  func modern(_ method: String, name: String? = nil, params: String = "", _ headers: [String: String] = [:]) async throws -> WireResponse {
    try await raw(Self.modern(method, name: name, params: params, headers))
  }

  /// Opens a legacy session; returns its id.
  func initialize(_ headers: [String: String] = [:], version: String = "2025-11-25") async throws -> String {
    let body =
      #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"\#(version)","capabilities":{}}}"#
    let response = try await post(body, headers)
    return response.header("mcp-session-id") ?? ""
  }

  func legacy(
    _ session: String, _ method: String, params: String = "{}", id: String = "7", _ headers: [String: String] = [:]
  ) async throws
    -> WireResponse
  {
    try await post(Self.legacyBody(method, params: params, id: id), ["Mcp-Session-Id": session].merging(headers) { $1 })
  }

  static func legacyBody(_ method: String, params: String = "{}", id: String = "7") -> String {
    #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(params)}"#
  }
}
