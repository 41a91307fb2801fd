import NIOHTTP1
import Testing
import WeirCore
import WeirMCP
import WeirPipeline

@testable import WeirServer

@Suite("Sessions at any replica")
struct FleetSessionTests {
  @Test("a session that one replica opened works at another, which asks nobody")
  func adopted() async throws {
    try await TwoFronts.with { fronts in
      let session = try await fronts.first.initialize()
      #expect(session.utf8.allSatisfy { 0x21...0x7E ~= $0 })
      let list = try await fronts.second.legacy(session, "tools/list", ["MCP-Protocol-Version": "2025-11-25"])
      #expect(list.status == 200)
      #expect(list.body.contains(#""name":"hit""#))
      let hit = try await fronts.second.legacy(session, "tools/call", params: #"{"name":"hit"}"#)
      #expect(hit.status == 200)
      #expect(fronts.second.gateway.received == ["hit"])
      #expect(fronts.first.gateway.received.isEmpty)
      #expect(fronts.second.front.stats.sessions == 0)
      #expect(fronts.second.front.stats.adoptedSessions == 1)
      #expect(fronts.street.told == [.used(session: Name(session))])
    }
  }

  @Test("nobody else's key and no other endpoint opens a session's name", arguments: [("bob", "/mcp"), ("alice", "/mcp/sample")])
  func bound(key: String, path: String) async throws {
    try await TwoFronts.with { fronts in
      let session = try await fronts.first.initialize(["Authorization": "Bearer alice"])
      let own = try await fronts.second.legacy(session, "ping", ["Authorization": "Bearer alice"])
      #expect(own.status == 200)
      let body = RunningFront.legacyBody("ping")
      let foreign = try await fronts.second.post(body, to: path, ["Mcp-Session-Id": session, "Authorization": "Bearer \(key)"])
      #expect(foreign.status == 404)
    }
  }

  @Test("a name with another secret's seal, or one changed byte, is no session")
  func forged() async throws {
    try await TwoFronts.with(secrets: ("one secret", "another secret")) { fronts in
      let session = try await fronts.first.initialize()
      #expect(try await fronts.second.legacy(session, "ping").status == 404)
    }
    try await TwoFronts.with { fronts in
      let session = try await fronts.first.initialize()
      var bytes = Array(session.utf8)
      bytes[40] = bytes[40] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      #expect(try await fronts.second.legacy(String(decoding: bytes, as: UTF8.self), "ping").status == 404)
    }
  }

  @Test("what needs the session's own replica is answered there: a call, a level, a batch")
  func forwarded() async throws {
    try await TwoFronts.with { fronts in
      let session = try await fronts.first.initialize(version: "2025-03-26")
      for name in ["tight", "loose"] {
        let call = try await fronts.second.legacy(session, "tools/call", params: #"{"name":"\#(name)"}"#)
        #expect(call.status == 200)
        #expect(call.body.contains(#""id":7,"result":"#))
      }
      #expect(fronts.first.gateway.received == ["tight", "loose"])
      #expect(fronts.second.gateway.received.isEmpty)
      let level = try await fronts.second.legacy(session, "logging/setLevel", params: #"{"level":"error"}"#)
      #expect(level.body == #"{"jsonrpc":"2.0","id":7,"result":{}}"#)
      let batch = "[\(RunningFront.legacyBody("ping", id: "1")),\(RunningFront.legacyBody("tools/call", params: #"{"name":"tight"}"#, id: "2"))]"
      let answers = try await fronts.second.post(batch, ["Mcp-Session-Id": session])
      #expect(answers.body.contains(#"{"jsonrpc":"2.0","id":1,"result":{}}"#))
      #expect(answers.body.contains(#""id":2,"result":{"content""#))
      #expect(fronts.first.gateway.received.count == 3)
    }
  }

  @Test("the session's stream is read through another replica, and ends with the session that is ended through it")
  func stream() async throws {
    try await TwoFronts.with { fronts in
      let session = try await fronts.first.initialize()
      let client = try await WireClient.connect(fronts.second.port)
      await client.send(RunningFront.request("", method: "GET", ["Mcp-Session-Id": session, "Accept": "text/event-stream"]))
      let opening = await client.receive { $0.contains("id: 0-0-\(TwoFronts.firstName)") }
      #expect(opening.hasPrefix("HTTP/1.1 200 OK"))
      let again = try await fronts.second.raw(
        RunningFront.request("", method: "GET", ["Mcp-Session-Id": session, "Accept": "text/event-stream"]))
      #expect(again.status == 409)
      fronts.first.front.notifier.changed(.tools, of: "sample")
      let news = await client.receive { $0.contains("list_changed") }
      #expect(news.contains("notifications/tools/list_changed"))
      let ended = try await fronts.second.raw(RunningFront.request("", method: "DELETE", ["Mcp-Session-Id": session]))
      #expect(ended.status == 200)
      let rest = await client.receive { $0.contains("0\r\n\r\n") }
      #expect(rest.contains("retry: "))
      await client.close()
      for front in [fronts.first, fronts.second] { #expect(try await front.legacy(session, "ping").status == 404) }
      #expect(fronts.first.front.stats.sessions == 0)
      #expect(fronts.second.front.stats.adoptedSessions == 0)
    }
  }

  @Test("a client that leaves its stream may open it again at once, through either replica")
  func streamAgain() async throws {
    try await TwoFronts.with { fronts in
      let session = try await fronts.first.initialize()
      let request = RunningFront.request("", method: "GET", ["Mcp-Session-Id": session, "Accept": "text/event-stream"])
      for front in [fronts.second, fronts.first, fronts.second] {
        let client = try await WireClient.connect(front.port)
        var text = ""
        // The replica that has the stream hears a moment later that the client left.
        for _ in 0..<100 {
          await client.send(request)
          text = await client.receive { $0.contains("id: 0-0") || WireResponse(text: $0).isComplete }
          if !text.contains("409") { break }
          try await Task.sleep(for: .milliseconds(20))
        }
        #expect(text.contains("id: 0-0"))
        await client.close()
      }
    }
  }

  @Test("where the session's replica has ended, what depends on it is no session any more; all else works")
  func ownerGone() async throws {
    try await TwoFronts.with { fronts in
      let session = try await fronts.first.initialize()
      fronts.street.leave(TwoFronts.firstName)
      #expect(try await fronts.second.legacy(session, "tools/list").status == 200)
      #expect(try await fronts.second.legacy(session, "tools/call", params: #"{"name":"loose"}"#).status == 200)
      #expect(fronts.second.gateway.received == ["loose"])
      #expect(try await fronts.second.legacy(session, "tools/call", params: #"{"name":"tight"}"#).status == 404)
      #expect(try await fronts.second.legacy(session, "logging/setLevel", params: #"{"level":"error"}"#).status == 404)
      let stream = try await fronts.second.raw(
        RunningFront.request("", method: "GET", ["Mcp-Session-Id": session, "Accept": "text/event-stream"]))
      #expect(stream.status == 404)
      let answer = try await fronts.second.post(
        #"{"jsonrpc":"2.0","id":"weir-\#(TwoFronts.firstName)-1","result":{}}"#, ["Mcp-Session-Id": session])
      #expect(answer.status == 202)
      #expect(try await fronts.second.raw(RunningFront.request("", method: "DELETE", ["Mcp-Session-Id": session])).status == 200)
      #expect(try await fronts.second.legacy(session, "ping").status == 404)
    }
  }

  @Test("a replica that cannot be connected to is no dead session: the client may try again")
  func ownerUnreachable() async throws {
    try await TwoFronts.with { fronts in
      let session = try await fronts.first.initialize()
      fronts.street.move(TwoFronts.firstName, to: "127.0.0.1:1")
      let call = try await fronts.second.legacy(session, "tools/call", params: #"{"name":"tight"}"#)
      #expect(call.status == 503)
      #expect(call.header("retry-after") == "2")
      #expect(call.body.contains(#""id":7"#))
      // Another process has the address.
      fronts.street.move(TwoFronts.firstName, to: "127.0.0.1:\(fronts.second.port)")
      #expect(try await fronts.second.legacy(session, "tools/call", params: #"{"name":"tight"}"#).status == 404)
    }
  }

  @Test("only a replica forwards: a request that says so without its stamp, or with another's, is refused")
  func stamps() async throws {
    try await TwoFronts.with { fronts in
      let session = try await fronts.first.initialize(["Authorization": "Bearer alice"])
      let fields = ["Mcp-Session-Id": session, "Authorization": "Bearer alice"]
      for stamp in ["yes", "\(TwoFronts.secondName).\(TwoFronts.firstName).1.AAAA"] {
        #expect(try await fronts.first.legacy(session, "ping", fields.merging(["Weir-Forwarded": stamp]) { $1 }).status == 403)
      }
      let none = try await fronts.first.legacy(session, "ping", ["Weir-Forwarded": "yes"])
      #expect(none.status == 403)
    }
  }

  @Test("a request that is cancelled through another replica is cancelled where it is made")
  func cancelled() async throws {
    try await TwoFronts.with { fronts in
      let session = try await fronts.first.initialize()
      async let call = fronts.first.legacy(session, "tools/call", params: #"{"name":"hang"}"#, id: "41")
      await fronts.first.gateway.until { hanging, _ in hanging == 1 }
      let note = try await fronts.second.post(
        #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":41}}"#, ["Mcp-Session-Id": session])
      #expect(note.status == 202)
      await fronts.first.gateway.until { _, cancelled in cancelled == 1 }
      #expect(try await call.body.contains("\(CallErrorWire.cancelledCode)"))
    }
  }

  @Test("the stream of HTTP+SSE gets its answers from posts that land elsewhere")
  func serverSentEvents() async throws {
    try await TwoFronts.with { fronts in
      let client = try await WireClient.connect(fronts.first.port)
      await client.send(RunningFront.request("", to: "/sse", method: "GET", ["Accept": "text/event-stream"]))
      let opening = await client.receive { $0.contains("session_id=") && $0.hasSuffix("\n\n\r\n") }
      let path = try #require(opening.split(separator: "data: ").last?.split(separator: "\n").first)
      let posted = try await fronts.second.post(RunningFront.legacyBody("ping"), to: String(path))
      #expect(posted.status == 202)
      let answer = await client.receive { $0.contains("result") }
      #expect(answer.contains(#"{"jsonrpc":"2.0","id":7,"result":{}}"#))
      await client.close()
    }
  }
}

@Suite("Small parts of a fleet's sessions")
struct FleetSessionPartTests {
  private let seal = SessionSeal(sealer: Sealer(secret: Array("secret".utf8)), replica: "0123456789abcdef")

  @Test(
    "a session's name says what was sealed, and no two are alike",
    arguments: [nil, #"{"elicitation":{}}"#, #"{"sampling":{"x":"\#(String(repeating: "y", count: 2000))"}}"#] as [String?])
  func names(capabilities: String?) throws {
    let bytes = capabilities.map { Array($0.utf8) }
    let now = WallTime(milliseconds: 1_000)
    let name = try #require(seal.make(principal: "p", place: "", revision: .v2025_06_18, capabilities: bytes, now: now))
    #expect(name.utf8.count < 2048)
    #expect(name.utf8.allSatisfy { $0 &- 0x30 < 10 || $0 &- 0x41 < 26 || $0 &- 0x61 < 26 || $0 == 0x2D || $0 == 0x5F })
    let facts = try #require(seal.open(name, principal: "p", place: "", now: now))
    let isWhole = (bytes?.count ?? 0) <= 1024
    #expect(facts == .init(replica: "0123456789abcdef", revision: .v2025_06_18, capabilities: isWhole ? bytes : nil, isWhole: isWhole))
    let other = try #require(seal.make(principal: "p", place: "", revision: .v2025_06_18, capabilities: bytes, now: now))
    #expect(SessionSeal.mark(of: name) != SessionSeal.mark(of: other))
    #expect(seal.open(name, principal: "q", place: "", now: now) == nil)
    #expect(seal.open(name, principal: "p", place: "x", now: now) == nil)
    #expect(seal.open(name, principal: "p", place: "", now: now + .seconds(31 * 86_400)) == nil)
  }

  @Test(
    "news come back from their bytes as they were",
    arguments: [FrontNews.ended(session: "s"), .used(session: "t"), .cancelled(call: Array(#""a b""#.utf8), session: "u")])
  func news(_ news: FrontNews) {
    #expect(FrontNews(news.bytes) == news)
  }

  @Test("what is no news is none", arguments: ["", "e", "x1", "cs", "c 1", "e s"])
  func noNews(_ text: String) {
    #expect(FrontNews(Array(text.utf8)) == nil)
  }

  @Test("ended sessions are remembered for an hour, and forgotten within two")
  func ended() {
    var sessions = EndedSessions()
    sessions.insert("a", now: .zero)
    #expect(sessions.contains("a"))
    sessions.insert("b", now: .zero + .seconds(3599))
    sessions.insert("c", now: .zero + .seconds(3600))
    #expect(sessions.contains("a") && sessions.contains("b"))
    sessions.insert("d", now: .zero + .seconds(7200))
    #expect(!sessions.contains("a") && sessions.contains("c"))
  }

  @Test("a stamp is good for one request, principal and direction, and not for long")
  func stamp() throws {
    let sealer = Sealer(secret: Array("secret".utf8))
    let now = WallTime(milliseconds: 10_000_000)
    func request(_ body: String, session: String = "s") -> ReceivedRequest {
      ReceivedRequest(
        listener: .main, head: .init(version: .http1_1, method: .POST, uri: "/mcp", headers: ["mcp-session-id": session]), body: Array(body.utf8),
        receivedAt: .zero)
    }
    let text = ForwardStamp(
      request("{}"), of: "p", from: "00000000000000aa", to: "00000000000000bb", sealer: sealer, now: now
    ).text
    let stamp = try #require(ForwardStamp(text))
    #expect(stamp.receiver == "00000000000000bb")
    #expect(stamp.isOf(request("{}"), of: "p", sealer: sealer, now: now + .seconds(299)))
    #expect(!stamp.isOf(request("{}"), of: "p", sealer: sealer, now: now + .seconds(301)))
    #expect(!stamp.isOf(request("{ }"), of: "p", sealer: sealer, now: now))
    #expect(!stamp.isOf(request("{}", session: "t"), of: "p", sealer: sealer, now: now))
    #expect(!stamp.isOf(request("{}"), of: "q", sealer: sealer, now: now))
    #expect(!stamp.isOf(request("{}"), of: "p", sealer: Sealer(secret: [1]), now: now))
    #expect(ForwardStamp("a.b.c") == nil)
    #expect(ForwardStamp(text + "=") == nil)
  }

  @Test("ids say which replica they are of, or none")
  func ids() {
    #expect(ClientQuestions.replica(of: RPCID(string: "weir-0123456789abcdef-12")) == "0123456789abcdef")
    #expect(ClientQuestions.replica(of: RPCID(string: "weir-1a2b-12")) == nil)
    #expect(ClientQuestions.replica(of: RPCID(12)) == nil)
    #expect(ParkedCalls.replica(of: Array("parked.0123456789abcdef.x".utf8)) == "0123456789abcdef")
    #expect(ParkedCalls.replica(of: Array("parked.\(String(repeating: "a", count: 64))".utf8)) == nil)
    let position = ResumableStream.position("3-12-0123456789abcdef")
    #expect(position?.stream == 3 && position?.event == 12 && position?.replica == "0123456789abcdef")
    #expect(ResumableStream.position("3-12-x") == nil)
    #expect(ResumableStream.position("3-12")?.replica == nil)
  }
}
