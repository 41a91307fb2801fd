import Testing
import WeirCore

@testable import WeirServer

@Suite("The front, handshake eras")
struct LegacyEraTests {
  @Test(
    "initialize is answered with a version of the handshake, never with a later one",
    arguments: [
      ("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26"), ("2024-11-05", "2024-11-05"),
      ("2026-07-28", "2025-11-25"), ("1.0", "2025-11-25"), ("2025-11-25 ", "2025-11-25"), ("２０２４-11-05", "2025-11-25"),
    ])
  func negotiation(asked: String, answered: String) async throws {
    try await RunningFront.with { running in
      let response = try await running.post(
        #"{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"\#(asked)","capabilities":{}}}"#
      )
      #expect(response.status == 200)
      #expect(
        response.body.contains(
          #""id":"i","result":{"protocolVersion":"\#(answered)","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"weir""#))
      let session = try #require(response.header("mcp-session-id"))
      #expect(session.utf8.count == 64)
      #expect(session.utf8.allSatisfy { 0x21...0x7E ~= $0 })
    }
  }

  @Test("a session opens, works and ends")
  func lifecycle() async throws {
    try await RunningFront.with { running in
      let session = try await running.initialize()
      let note = try await running.post(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, ["Mcp-Session-Id": session])
      #expect(note.status == 202)
      #expect(note.body.isEmpty)
      let ping = try await running.legacy(session, "ping")
      #expect(ping.body == #"{"jsonrpc":"2.0","id":7,"result":{}}"#)
      let list = try await running.legacy(session, "tools/list", ["MCP-Protocol-Version": "2025-11-25"])
      #expect(list.body == #"{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"hit","inputSchema":{"type":"object"}}]}}"#)
      let call = try await running.legacy(session, "tools/call", params: #"{"name":"hit"}"#)
      #expect(call.status == 200)
      #expect(call.body.contains(#""weir/cache":{"outcome":"hit_memory"}"#))
      #expect(!call.body.contains("resultType"))
      #expect(!call.body.contains("serverInfo"))
      let answer = try await running.post(#"{"jsonrpc":"2.0","id":3,"result":{}}"#, ["Mcp-Session-Id": session])
      #expect(answer.status == 202)
      let unknown = try await running.legacy(session, "nonsense")
      #expect(unknown.status == 200)
      #expect(unknown.body.contains("-32601"))
      #expect(running.front.stats.sessions == 1)
      let deleted = try await running.raw(RunningFront.request("", method: "DELETE", ["Mcp-Session-Id": session]))
      #expect(deleted.status == 200)
      for response in [
        try await running.raw(RunningFront.request("", method: "DELETE", ["Mcp-Session-Id": session])), try await running.legacy(session, "ping"),
        try await running.raw(RunningFront.request("", method: "GET", ["Mcp-Session-Id": session])),
      ] {
        #expect(response.status == 404)
      }
      #expect(running.front.stats.sessions == 0)
    }
  }

  @Test("requests without a session, with a batch or with bad JSON are refused")
  func refusals() async throws {
    try await RunningFront.with { running in
      let session = try await running.initialize()
      let none = try await running.post(RunningFront.legacyBody("tools/list"))
      #expect(none.status == 400)
      #expect(none.body.contains("initialize"))
      let unknown = try await running.legacy("0000", "tools/list")
      #expect(unknown.status == 404)
      let batch = try await running.post("[\(RunningFront.legacyBody("ping"))]", ["Mcp-Session-Id": session])
      #expect(batch.status == 400)
      #expect(batch.body.contains("batch"))
      let bad = try await running.post("{", ["Mcp-Session-Id": session])
      #expect(bad.status == 400)
      #expect(bad.body.contains("-32700"))
      let version = try await running.post(#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#)
      #expect(version.status == 400)
      let stream = try await running.raw(RunningFront.request("", method: "GET", ["Mcp-Session-Id": session, "Accept": "application/json"]))
      #expect(stream.status == 406)
      let options = try await running.raw(RunningFront.request("", method: "OPTIONS"))
      #expect(options.status == 405)
    }
  }

  @Test("issue 4: who names event streams first gets what is there already as the one event of a stream; errors stay JSON")
  func preference() async throws {
    try await RunningFront.with { running in
      let session = try await running.initialize()
      let accept = ["Accept": "text/event-stream, application/json"]
      for (method, params) in [("ping", "{}"), ("tools/list", "{}"), ("tools/call", #"{"name":"hit","arguments":{}}"#)] {
        let response = try await running.legacy(session, method, params: params, accept)
        #expect(response.status == 200)
        #expect(response.header("content-type") == "text/event-stream", "\(method)")
        #expect(response.body.hasPrefix(#"event: message\#ndata: {"jsonrpc":"2.0","id":7,"result":"#), "\(response.body)")
        #expect(response.body.hasSuffix("}\n\n"))
      }
      let unknown = try await running.legacy(session, "no/method", params: "{}", accept)
      #expect(unknown.header("content-type") == (unknown.status == 200 ? "text/event-stream" : "application/json"))
      let usual = try await running.legacy(session, "ping", params: "{}")
      #expect(usual.header("content-type") == "application/json")
    }
  }

  @Test("a session belongs to who opened it, where it was opened")
  func binding() async throws {
    try await RunningFront.with { running in
      let session = try await running.initialize(["Authorization": "Bearer alice"])
      let own = try await running.legacy(session, "ping", ["Authorization": "Bearer alice"])
      #expect(own.status == 200)
      let bob = ["Authorization": "Bearer bob"]
      let unknown = try await running.legacy("0000", "ping", bob)
      for response in [
        try await running.legacy(session, "ping", bob), try await running.legacy(session, "ping"),
        try await running.raw(RunningFront.request("", method: "DELETE", ["Mcp-Session-Id": session].merging(bob) { $1 })),
        try await running.raw(RunningFront.request("", method: "GET", ["Mcp-Session-Id": session].merging(bob) { $1 })),
        try await running.post(
          RunningFront.legacyBody("ping"), to: "/mcp/sample", ["Mcp-Session-Id": session, "Authorization": "Bearer alice"]),
      ] {
        #expect(response.status == 404)
        #expect(response.body == unknown.body)
      }
      let still = try await running.legacy(session, "ping", ["Authorization": "Bearer alice"])
      #expect(still.status == 200)
    }
  }

  @Test("sessions are bounded, and say so")
  func bounded() async throws {
    try await RunningFront.with({ $0.limits.maxSessions = 2 }) { running in
      for _ in 0..<2 {
        let session = try await running.initialize()
        #expect(!session.isEmpty)
      }
      let third = try await running.post(#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#)
      #expect(third.status == 503)
      #expect(third.body.contains("too many sessions"))
    }
  }

  @Test("notifications/cancelled ends the call of that id and no other")
  func cancelled() async throws {
    try await RunningFront.with { running in
      let session = try await running.initialize()
      var clients: [WireClient] = []
      for id in ["8", "9.0"] {
        let client = try await WireClient.connect(running.port)
        await client.send(
          RunningFront.request(RunningFront.legacyBody("tools/call", params: #"{"name":"hang"}"#, id: id), ["Mcp-Session-Id": session]))
        clients.append(client)
      }
      await running.gateway.until { hanging, _ in hanging == 2 }
      let other = try await running.initialize()
      let cancel = #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}}"#
      _ = try await running.post(cancel, ["Mcp-Session-Id": other])
      let text = #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"9"}}"#
      _ = try await running.post(text, ["Mcp-Session-Id": session])
      #expect(running.gateway.cancelled == 0)
      let note = try await running.post(cancel, ["Mcp-Session-Id": session])
      #expect(note.status == 202)
      await running.gateway.until { hanging, cancelled in hanging == 1 && cancelled == 1 }
      let answer = await clients[1].response()
      #expect(answer.body.contains("-32800"))
      #expect(answer.body.contains(#""id":9.0,"#))
      running.gateway.release()
      let finished = await clients[0].response()
      #expect(finished.body.contains(#""outcome":"miss""#))
    }
  }

  @Test("a legacy client that disconnects cancels nothing")
  func disconnect() async throws {
    try await RunningFront.with { running in
      let session = try await running.initialize()
      let client = try await WireClient.connect(running.port)
      await client.send(RunningFront.request(RunningFront.legacyBody("tools/call", params: #"{"name":"hang"}"#), ["Mcp-Session-Id": session]))
      await running.gateway.until { hanging, _ in hanging == 1 }
      await client.close()
      for _ in 0..<3 { _ = try await running.legacy(session, "ping") }
      running.gateway.release()
      await running.gateway.until { hanging, _ in hanging == 0 }
      #expect(running.gateway.cancelled == 0)
    }
  }

  @Test("a legacy client that has closed its sending half still gets the answer of its call (issue 3)")
  func halfClosed() async throws {
    try await RunningFront.with { running in
      let session = try await running.initialize()
      let client = try await WireClient.connect(running.port)
      await client.send(RunningFront.request(RunningFront.legacyBody("tools/call", params: #"{"name":"hang"}"#), ["Mcp-Session-Id": session]))
      await running.gateway.until { hanging, _ in hanging == 1 }
      await client.finish()
      for _ in 0..<3 { _ = try await running.legacy(session, "ping") }
      running.gateway.release()
      let text = await client.receiveAll()
      #expect(WireResponse(text: text).status == 200)
    }
  }

  @Test("an open stream hears of changed tools, and a second one is refused")
  func notifications() async throws {
    try await RunningFront.with { running in
      let session = try await running.initialize()
      let stream = try await WireClient.connect(running.port)
      await stream.send(RunningFront.request("", method: "GET", ["Mcp-Session-Id": session, "Accept": "text/event-stream"]))
      await stream.receive { $0.contains(": open\n\n") }
      let second = try await running.raw(RunningFront.request("", method: "GET", ["Mcp-Session-Id": session]))
      #expect(second.status == 409)
      // What the client does not see is none of its business (issue 4).
      running.front.notifier.changed(.prompts, of: "hidden")
      running.front.notifier.changed(.tools, of: "sample")
      let event = await stream.receive { $0.contains("list_changed") }
      #expect(event.contains(#"data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#))
      #expect(!event.contains("prompts"))
      #expect(running.front.stats.streams == 1)
      // Deleting the session ends its stream.
      _ = try await running.raw(RunningFront.request("", method: "DELETE", ["Mcp-Session-Id": session]))
      let end = await stream.receive { $0.contains("0\r\n\r\n") }
      #expect(end.contains("retry: 1000\n\n"))
    }
  }

  @Test("silent streams carry comments")
  func keepAlive() async throws {
    try await RunningFront.with({ $0.limits.streamKeepAlive = .milliseconds(20) }) { running in
      let session = try await running.initialize()
      let stream = try await WireClient.connect(running.port)
      await stream.send(RunningFront.request("", method: "GET", ["Mcp-Session-Id": session, "Accept": "text/event-stream"]))
      let text = await stream.receive { $0.contains(": keep-alive\n\n") }
      #expect(text.contains(": keep-alive\n\n"))
      await stream.close()
    }
  }

  @Test("a client that has gone gives its stream's place back")
  func streamPlaces() async throws {
    try await RunningFront.with { running in
      let session = try await running.initialize()
      for _ in 0..<20 {
        let stream = try await WireClient.connect(running.port)
        // The place comes free a moment after the connection is closed: until then the answer is 409.
        while true {
          await stream.send(RunningFront.request("", method: "GET", ["Mcp-Session-Id": session, "Accept": "text/event-stream"]))
          let text = await stream.receive { $0.contains(": open\n\n") || WireResponse(text: $0).isComplete }
          if text.contains(": open") { break }
          #expect(text.contains(" 409 "))
        }
        await stream.close()
      }
    }
  }

  @Test("errors of calls keep HTTP 200", arguments: ["unknown_tool", "invalid_params", "upstream_error"])
  func errors(tool: String) async throws {
    try await RunningFront.with { running in
      let session = try await running.initialize()
      let params = #"{"name":"\#(tool)","arguments":{"code":-32002}}"#
      let response = try await running.legacy(session, "tools/call", params: params)
      #expect(response.status == 200)
      #expect(response.body.contains(tool == "upstream_error" ? "-32002" : "-32602"))
    }
  }
}
