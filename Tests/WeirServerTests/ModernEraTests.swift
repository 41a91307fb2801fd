import Testing
import WeirCore
import WeirMCP

@testable import WeirServer

@Suite("The front, MCP 2026-07-28")
struct ModernEraTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let what: String
    let request: String
    let status: Int
    let contains: [String]
    var testDescription: String { what }

    init(_ what: String, _ request: String, _ status: Int, _ contains: String...) {
      self.what = what
      self.request = request
      self.status = status
      self.contains = contains
    }
  }

  private static let call = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hit"}}"#
  private static let modernHeaders = ["MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"]

  static let rows: [Row] = [
    Row(
      "discover", RunningFront.modern("server/discover"), 200, #""supportedVersions":["2026-07-28","2025-11-25"#,
      #""ttlMs":60000,"cacheScope":"private""#, #""capabilities":{"tools":{"listChanged":true}}"#,
      #""io.modelcontextprotocol/serverInfo":{"name":"weir","version":"1.2.3"}"#, #"Ask about \"cost\"."#, #""resultType":"complete""#),
    Row(
      "list", RunningFront.modern("tools/list"), 200, #""tools":[{"name":"hit""#, #""ttlMs":5000,"cacheScope":"private""#, #""resultType":"complete""#
    ),
    Row(
      "call", RunningFront.modern("tools/call", name: "hit"), 200, #""weir/cache":{"outcome":"hit_memory"}"#, #""resultType":"complete""#, #""id":1,"#
    ),
    Row("call with a string id", RunningFront.modern("tools/call", name: "hit", id: #""a\"b""#), 200, #""id":"a\"b","#),
    Row("call that waits", RunningFront.modern("tools/call", name: "pending"), 200, #""weir/cache":{"outcome":"miss"}"#),
    Row("encoded name", RunningFront.modern("tools/call", name: "hit", ["Mcp-Name": "=?base64?aGl0?="]), 200, "hit_memory"),
    Row("missing Mcp-Method", RunningFront.modern("tools/list", ["Mcp-Method": ""]), 400, "-32020"),
    Row("other Mcp-Method", RunningFront.modern("tools/list", ["Mcp-Method": "tools/call"]), 400, "-32020"),
    Row("Mcp-Method in other case", RunningFront.modern("tools/list", ["Mcp-Method": "Tools/list"]), 400, "-32020"),
    Row("missing Mcp-Name", RunningFront.modern("tools/call", name: "hit", ["Mcp-Name": ""]), 400, "-32020"),
    Row("other Mcp-Name", RunningFront.modern("tools/call", name: "hit", ["Mcp-Name": "pending"]), 400, "-32020"),
    Row("bad sentinel in Mcp-Name", RunningFront.modern("tools/call", name: "hit", ["Mcp-Name": "=?base64?***?="]), 400, "-32020"),
    Row("missing version header", RunningFront.modern("tools/list", ["MCP-Protocol-Version": ""]), 400, "-32020"),
    Row("version header differs", RunningFront.modern("tools/list", ["MCP-Protocol-Version": "2025-11-25"]), 400, "-32020"),
    Row(
      "unknown version", RunningFront.modern("tools/list").replacing("2026-07-28", with: "2099-01-01"), 400, "-32022", #""requested":"2099-01-01""#,
      #""supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"]"#),
    Row("unknown version, header alone", RunningFront.request(RunningFront.legacyBody("tools/list"), ["MCP-Protocol-Version": "1.0"]), 400, "-32022"),
    Row("no _meta", RunningFront.request(RunningFront.legacyBody("tools/list"), modernHeaders), 400, "-32602"),
    Row(
      "no client capabilities",
      RunningFront.modern("tools/list").replacing(#","io.modelcontextprotocol/clientCapabilities":{}"#, with: "").fixingLength, 400, "-32602"),
    Row("unknown method", RunningFront.modern("tools/none"), 404, "-32601", #""id":1"#),
    Row("ping", RunningFront.modern("ping"), 404, "-32601"),
    Row("initialize with the modern header", RunningFront.modern("initialize"), 404, "-32601"),
    Row(
      "notification", RunningFront.request(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{\#(RunningFront.meta)}}"#, modernHeaders),
      202),
    Row("response", RunningFront.request(#"{"jsonrpc":"2.0","id":1,"result":{}}"#, modernHeaders), 400, "-32600"),
    Row("batch", RunningFront.request("[\(call)]", modernHeaders), 400, "-32600", "batch"),
    Row("null id", RunningFront.modern("tools/list", id: "null"), 400, "-32600"),
    Row("fractional id", RunningFront.modern("tools/list", id: "1.5"), 400, "-32600"),
    Row("bad JSON", RunningFront.request("{", modernHeaders), 400, "-32700"),
    Row("duplicate member", RunningFront.request(#"{"jsonrpc":"2.0","jsonrpc":"2.0"}"#, modernHeaders), 400, "-32700"),
    Row("too deep", RunningFront.request(String(repeating: "[", count: 65) + String(repeating: "]", count: 65), modernHeaders), 400, "-32700"),
    Row("Accept without event streams", RunningFront.modern("tools/list", ["Accept": "application/json"]), 406),
    Row("no Accept", RunningFront.modern("tools/list", ["Accept": ""]), 406),
    Row("Accept */*", RunningFront.modern("tools/list", ["Accept": "*/*"]), 200),
    Row("wrong Content-Type", RunningFront.modern("tools/list", ["Content-Type": "text/plain"]), 400),
    Row("Content-Type with parameter", RunningFront.modern("tools/list", ["Content-Type": "application/json; charset=utf-8"]), 200),
    Row("compressed body", RunningFront.modern("tools/list", ["Content-Encoding": "gzip"]), 415),
    Row("bad origin", RunningFront.modern("tools/list", ["Origin": "https://evil.example"]), 403),
    Row("null origin", RunningFront.modern("tools/list", ["Origin": "null"]), 403),
    Row("local origin", RunningFront.modern("tools/list", ["Origin": "http://localhost:6274"]), 200),
    Row("bad host", RunningFront.modern("tools/list", ["Host": "evil.example"]), 421),
    Row("host with user part", RunningFront.modern("tools/list", ["Host": "localhost@evil.example"]), 421),
    Row("host with path", RunningFront.modern("tools/list", ["Host": "localhost/../x"]), 421),
    Row("IPv6 host", RunningFront.modern("tools/list", ["Host": "[::1]:8080"]), 200),
    Row("host in capitals", RunningFront.modern("tools/list", ["Host": "LOCALHOST:1"]), 200),
    Row("unknown tool", RunningFront.modern("tools/call", name: "none"), 400, "-32602"),
    Row("arguments no object", RunningFront.modern("tools/call", name: "hit", params: #""arguments":[]"#), 400, "-32602"),
    Row(
      "progress token of wrong type",
      RunningFront.modern("tools/call", name: "hit").replacing(#""_meta":{"io"#, with: #""_meta":{"progressToken":{},"io"#).fixingLength, 400,
      "-32602"),
    Row("cursor", RunningFront.modern("tools/list", params: #""cursor":"x""#), 400, "-32602"),
    Row("GET", RunningFront.request("", method: "GET", modernHeaders), 405),
    Row("DELETE", RunningFront.request("", method: "DELETE", modernHeaders), 405),
    Row("PUT", RunningFront.request("", method: "PUT", modernHeaders), 405),
    Row("stray session header", RunningFront.modern("tools/list", ["Mcp-Session-Id": "whatever"]), 200),
    Row("wrong key", RunningFront.modern("tools/list", ["Authorization": "Bearer mallory"]), 401),
    Row("right key", RunningFront.modern("tools/list", ["Authorization": "Bearer alice"]), 200),
    Row("Basic is no key", RunningFront.modern("tools/list", ["Authorization": "Basic YWxpY2U6"]), 401),
    Row("key in X-API-Key", RunningFront.modern("tools/list", ["X-API-Key": "bob"]), 200),
    Row("two keys that agree", RunningFront.modern("tools/list", ["X-API-Key": "bob", "Authorization": "bearer bob"]), 200),
    Row("two keys that differ", RunningFront.modern("tools/list", ["X-API-Key": "bob", "Authorization": "Bearer alice"]), 400),
  ]

  @Test("every row of the reference answers", arguments: rows)
  func reference(_ row: Row) async throws {
    try await RunningFront.with { running in
      let response = try await running.raw(row.request)
      #expect(response.status == row.status, "\(row.what): \(response.head) \(response.body)")
      for part in row.contains { #expect(response.body.contains(part), "\(row.what): \(response.body)") }
      if response.status != 202 { #expect(response.header("cache-control") == "no-store") }
      if response.status == 405 { #expect(response.header("allow") != nil) }
    }
  }

  @Test(
    "issue 2: notifications are held to the version rules as requests are",
    arguments: [
      ("2026-07-28", "2026-07-28", 202), ("2026-07-28", "", 400), ("2026-07-28", "2025-11-25", 400), ("2099-01-01", "2099-01-01", 400),
    ])
  func notificationVersion(body: String, header: String, status: Int) async throws {
    try await RunningFront.with { running in
      let note =
        #"{"jsonrpc":"2.0","method":"notifications/x","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"\#(body)"}}}"#
      let response = try await running.post(note, ["MCP-Protocol-Version": header, "Mcp-Method": "notifications/x"])
      #expect(response.status == status, "\(response.body)")
    }
  }

  @Test(
    "issue 2: of an upstream's error data only what MCP defines goes through",
    arguments: [
      (-32602, #"{"uri":"file:///x"}"#, true), (-32002, #"{"uri":"file:///x"}"#, true), (-32602, #"{"uri":"x","trace":"y"}"#, false),
      (-32602, #"{"uri":5}"#, false), (-32603, #"{"uri":"x"}"#, false), (-1, #"{"trace":"at /srv/app.py"}"#, false), (-32602, "nonsense", false),
    ])
  func errorData(code: Int, data: String, passes: Bool) {
    let error = CallError(.upstreamError, "scripted", retryAfter: nil, upstreamCode: code, upstreamData: Array(data.utf8))
    #expect(CallErrorWire.object(error, code: code).data == (passes ? Array(data.utf8) : nil))
  }

  @Test("issue 2: a stream is not opened in a session that has ended meanwhile")
  func lateStream() {
    let sessions = Sessions(limits: FrontLimits(), time: SystemTime())
    let stream = NotificationStream(session: "gone", principal: "p", mailbox: StreamMailbox(limit: 10), isConcerned: { _ in true }) { _ in }
    #expect(throws: Sessions.StreamRefusal.gone) { try sessions.open(stream) }
    #expect(sessions.openStreams.isEmpty)
  }

  @Test("every cause of a refused credential looks the same")
  func challengesAreAlike() async throws {
    try await RunningFront.with { running in
      var bodies: Set<String> = []
      for headers in [["Authorization": "Bearer mallory"], ["X-API-Key": "mallory"], ["Authorization": "Basic x"], ["Authorization": "Bearer "]] {
        let response = try await running.modern("tools/list", headers)
        #expect(response.status == 401)
        #expect(response.header("www-authenticate") == "Bearer")
        bodies.insert(response.body)
      }
      #expect(bodies.count == 1)
    }
  }

  @Test("nothing is looked at before the caller is known")
  func authenticatesFirst() async throws {
    try await RunningFront.with { running in
      let key = ["Authorization": "Bearer mallory"]
      for response in [
        try await running.post("{", key), try await running.post("[]", key.merging(["Content-Type": "text/plain"]) { $1 }),
        try await running.legacy("none", "tools/list", key), try await running.post("{}", to: "/mcp/other", key),
      ] {
        #expect(response.status == 401)
      }
    }
  }

  @Test("one upstream has its own path, and others have none")
  func paths() async throws {
    try await RunningFront.with { running in
      let list = RunningFront.modern("tools/list")
      for path in ["/mcp/sample", "/mcp?x=1"] {
        let response = try await running.raw(list.replacing("POST /mcp ", with: "POST \(path) "))
        #expect(response.status == 200, "\(path)")
      }
      for path in ["/mcp/other", "/mcp/", "/mcp/sample/x", "/mcp/Sample", "/mcp/%73ample", "/mcpx", "/", "/mcp/../metrics"] {
        let response = try await running.raw(list.replacing("POST /mcp ", with: "POST \(path) "))
        #expect(response.status == 404, "\(path)")
      }
    }
  }

  @Test("progress reaches the caller under its own token, then the answer, then the end")
  func progress() async throws {
    try await RunningFront.with { running in
      let client = try await WireClient.connect(running.port)
      await client.send(
        RunningFront.modern("tools/call", name: "progress").replacing(#""_meta":{"io"#, with: #""_meta":{"progressToken":"mine","io"#).fixingLength)
      let text = await client.receive { $0.contains("\r\n0\r\n\r\n") }
      #expect(text.contains("text/event-stream"))
      #expect(text.lowercased().contains("x-accel-buffering: no"))
      for step in 1...3 { #expect(text.contains(#""progressToken":"mine","progress":\#(step),"note":"kept""#)) }
      #expect(!text.contains("upstream\""))
      let last = try #require(text.firstRange(of: #""progress":3"#))
      #expect(text[last.upperBound...].contains(#""result":{"content":[]"#))
      // The connection serves the next request.
      await client.send(RunningFront.modern("tools/list"))
      #expect(await client.response().status == 200)
    }
  }

  @Test("closing the connection cancels the call, plain or streaming", arguments: [false, true])
  func disconnectCancels(streaming: Bool) async throws {
    try await RunningFront.with { running in
      let client = try await WireClient.connect(running.port)
      var request = RunningFront.modern("tools/call", name: "hang")
      if streaming { request = request.replacing(#""_meta":{"io"#, with: #""_meta":{"progressToken":5,"io"#).fixingLength }
      await client.send(request)
      await running.gateway.until { hanging, _ in hanging == 1 }
      await client.close()
      await running.gateway.until { hanging, cancelled in hanging == 0 && cancelled == 1 }
    }
  }

  struct ErrorRow: Sendable, CustomTestStringConvertible {
    let reason: CallError.Reason
    let status: Int
    let contains: String
    var code: Int?
    var testDescription: String { "\(reason) \(code ?? 0)" }
  }

  @Test(
    "errors of calls look as the table says",
    arguments: [
      ErrorRow(reason: .unauthenticated, status: 401, contains: "-32600"),
      ErrorRow(reason: .denied, status: 200, contains: #""isError":true"#),
      ErrorRow(reason: .unknownTool, status: 400, contains: "-32602"),
      ErrorRow(reason: .invalidParams, status: 400, contains: "-32602"),
      ErrorRow(reason: .throttled, status: 200, contains: "scripted; try again in 2 s"),
      ErrorRow(reason: .overBudget, status: 200, contains: #""isError":true"#),
      ErrorRow(reason: .upstreamDown, status: 200, contains: #""isError":true"#),
      ErrorRow(reason: .timedOut, status: 200, contains: #""weir/cache":{"outcome":"error"}"#),
      ErrorRow(reason: .upstreamInvalid, status: 200, contains: #""isError":true"#),
      ErrorRow(reason: .upstreamError, status: 200, contains: #""code":-1,"message":"scripted"}"#, code: -1),
      ErrorRow(reason: .upstreamError, status: 400, contains: #""code":-32602"#, code: -32002),
      ErrorRow(reason: .upstreamError, status: 200, contains: #""code":-32603,"message":"scripted"}"#, code: -32042),
      ErrorRow(reason: .upstreamError, status: 200, contains: #""code":-32603,"message":"scripted"}"#, code: -32020),
      ErrorRow(reason: .upstreamError, status: 400, contains: #""code":-32021,"message":"scripted","data":{"k":1}}"#, code: -32021),
      ErrorRow(reason: .upstreamError, status: 200, contains: #""code":-32603,"message":"scripted"}"#, code: -32022),
      ErrorRow(reason: .cancelled, status: 200, contains: "-32800"),
      ErrorRow(reason: .overloaded, status: 200, contains: #""isError":true"#),
      ErrorRow(reason: .internalFault, status: 200, contains: #""isError":true"#),
    ])
  func errors(_ row: ErrorRow) async throws {
    try await RunningFront.with { running in
      let params = row.code.map { #""arguments":{"code":\#($0)}"# } ?? ""
      let response = try await running.modern("tools/call", name: row.reason.rawValue, params: params)
      #expect(response.status == row.status)
      #expect(response.body.contains(row.contains), "\(response.body)")
    }
  }
}

extension String {
  /// The same request with the Content-Length that its body has.
  var fixingLength: String {
    guard let end = firstRange(of: "\r\n\r\n"), let start = firstRange(of: "Content-Length: ") else { return self }
    let stop = self[start.upperBound...].firstIndex(of: "\r\n") ?? end.lowerBound
    return replacingSubrange(start.upperBound..<stop, with: "\(self[end.upperBound...].utf8.count)")
  }

  private func replacingSubrange(_ range: Range<Index>, with text: String) -> String { self[..<range.lowerBound] + text + self[range.upperBound...] }
}
