import NIOConcurrencyHelpers
import Testing
import WeirCore
import WeirMCP

@testable import WeirUpstream

extension RealProcesses {
  @Suite("An upstream of HTTP+SSE")
  struct EventStreamUpstreamTests {
    typealias Change = @Sendable (inout UpstreamConfiguration, inout HTTPUpstreamConfiguration) -> Void

    /// A server of this transport that is known to be one.
    private static func with(
      _ options: String, log: String? = nil, ready: Bool = true, change: @escaping Change = { _, _ in },
      _ body: @escaping @Sendable (HTTPUpstream, Recorder) async throws -> Void
    ) async throws {
      let change: Change = { up, http in
        http.transport = .sse
        up.retryDelays = .milliseconds(50) ... .milliseconds(200)
        change(&up, &http)
      }
      try await HTTPUpstreamTests.with(options, "log=\(log ?? "/dev/null")", script: FakeServer.sse, path: "/sse", ready: ready, change: change, body)
    }

    private static func lines(_ log: String) -> [String] { HTTPUpstreamTests.lines(log) }
    private static func reason(_ heard: Recorder.Heard) -> String { if case .down(let reason)? = heard.state { reason } else { "" } }

    @Test("a server that refuses initialize by POST is asked for a stream, and that is remembered", arguments: [400, 404, 405])
    func finds(status: Int) async throws {
      let log = FakeServer.path("log")
      let heard = NIOLockedValueBox<[String]>([])
      try await Self.with("post=\(status)", log: log, change: { _, http in http.transport = .auto }) { upstream, recorder in
        #expect(recorder.heard.tools == ["t0", "t1"])
        let echo = try await upstream.text("echo", #"{"x":"é"}"#)
        #expect(echo == #"{"x": "\u00e9"}"#)
        let call = Call.tool(
          "progress", onProgress: { progress in heard.withLockedValue { $0.append(String(decoding: progress.params, as: UTF8.self)) } })
        let text = try await upstream.send(call).text
        #expect(text == "done")
        #expect(upstream.furtherSessions == .forAll)
        // A new stream, without asking again which transport it is.
        #expect(await upstream.outcome(Call.tool("die")).error?.message.contains("may have been carried out") == true)
        let session = try await upstream.text("session")
        #expect(session == "2")
        #expect(upstream.stats.restarts == 1)
        #expect(recorder.heard.states == [.connecting, .ready])
      }
      #expect(heard.withLockedValue { $0 } == ["1", "2", "3"].map { #"{"progress": \#($0)}"# })
      let transports = Self.lines(log).filter { ["POST", "GET"].contains($0) }
      #expect(transports == ["POST", "POST", "GET", "GET"])
      #expect(Self.lines(log).filter { $0 == "closed" }.count >= 1)
    }

    @Test("configuration decides the transport where it says so")
    func policies() async throws {
      let log = FakeServer.path("log")
      try await Self.with("post=405", log: log) { upstream, _ in
        _ = try await upstream.text("echo")
        // It was asked before the session was open.
        while !Self.lines(log).contains(#"answer ["early", {}, null]"#) { try await Task.sleep(for: .milliseconds(5)) }
      }
      #expect(Array(Self.lines(log).prefix(3)) == ["GET", "initialize", "may not ask"])
      #expect(!Self.lines(log).contains("POST"))
      let strict = FakeServer.path("log")
      try await Self.with("post=405", log: strict, ready: false, change: { _, http in http.transport = .streamable }) { _, recorder in
        await recorder.until { Self.reason($0).contains("HTTP 405 to initialize; is the path right?") }
      }
      #expect(!Self.lines(strict).contains("GET"))
    }

    @Test(
      "a stream that is none is shown as the state",
      arguments: [
        ("get=404", "HTTP 404"), ("token=x", "refused our credential (HTTP 401)"), ("first=message", "does not begin with an endpoint"),
        ("first=none", "no endpoint came"), ("first=closed", "event stream ended"), ("first=garbage", "10000"),
        ("endpoint=http://example.com/m?s={s}", "of another origin"), ("endpoint=//localhost/m?s={s}", "of another origin"),
        ("endpoint=ftp://x/?s={s}", "no URL of HTTP"), ("endpoint=", "no URL"),
      ])
    func noStream(option: String, reason: String) async throws {
      let log = FakeServer.path("log")
      let change: Change = { up, http in
        up.connectTimeout = .seconds(2)
        http.maxResponseBytes = 10_000
      }
      try await Self.with(option, log: log, ready: false, change: change) { upstream, recorder in
        await recorder.until { Self.reason($0).contains(reason) }
        #expect(await upstream.outcome(Call.tool("echo")).error?.reason == .upstreamDown)
      }
      #expect(!Self.lines(log).contains("initialize"))
    }

    @Test("messages go where the stream says", arguments: ["messages?s={s}", "?s={s}", "{origin}/m/?s={s}", "//{origin}"])
    func endpoints(endpoint: String) async throws {
      let endpoint = endpoint == "//{origin}" ? "/a/../b?s={s}#f" : endpoint
      try await Self.with("endpoint=\(endpoint)") { upstream, _ in
        let echo = try await upstream.text("echo")
        #expect(echo == "{}")
      }
    }

    @Test("answers twice, to nobody, and what is no message harm no call")
    func faults() async throws {
      try await Self.with("post=405") { upstream, _ in
        for (tool, text) in [("double", "one"), ("unknown", "mine"), ("garbage", "clean"), ("early", "early")] {
          let answer = try await upstream.text(tool)
          #expect(answer == text)
        }
        for tool in ["broken", "malformed"] { #expect(await upstream.outcome(Call.tool(tool)).error?.reason == .upstreamInvalid) }
        #expect(await upstream.outcome(Call.tool("error")).error?.upstreamCode == -32050)
        #expect(upstream.stats.unknownResponses == 4)
        #expect(upstream.stats.invalidMessages == 6)
        let echo = try await upstream.text("echo")
        #expect(echo == "{}")
        #expect(upstream.stats.restarts == 0)
        #expect(upstream.stats.inFlight == 0)
      }
    }

    @Test("a stream that dies takes its calls with it, but for those that may be repeated")
    func dies() async throws {
      let log = FakeServer.path("log")
      try await Self.with("post=405", log: log) { upstream, recorder in
        await withTaskGroup(of: CallError?.self) { group in
          for _ in 0..<10 { group.addTask { await upstream.outcome(Call.tool("hold")).error } }
          while Self.lines(log).filter({ $0 == "tools/call" }).count < 10, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(5)) }
          let second = try? await upstream.send(Call.tool("die_once", repeatable: true)).text
          #expect(second == "second")
          for await error in group {
            #expect(error?.reason == .upstreamDown)
            #expect(error?.message.contains("its event stream ended before the answer") == true)
          }
        }
        #expect(upstream.stats.restarts == 1)
        #expect(recorder.heard.states == [.connecting, .ready])
      }
    }

    @Test("streams that end again and again are waited for, and shown as the state")
    func flaps() async throws {
      try await Self.with("post=405") { upstream, recorder in
        for _ in 0..<3 { _ = await upstream.outcome(Call.tool("die")) }
        await recorder.until { Self.reason($0).contains("end soon") }
        await recorder.until { $0.state == .ready }
        let echo = try await upstream.text("echo")
        #expect(echo == "{}")
      }
    }

    @Test("a forgotten session is opened again once for all, and only repeatable calls are sent again", arguments: [404, 400])
    func forgotten(status: Int) async throws {
      let log = FakeServer.path("log")
      try await Self.with("lost=\(status)", log: log) { upstream, recorder in
        _ = try await upstream.text("forget")
        await withTaskGroup(of: CallError?.self) { group in
          for _ in 0..<20 { group.addTask { await upstream.outcome(Call.tool("echo", repeatable: true)).error } }
          for await error in group { #expect(error == nil) }
        }
        _ = try await upstream.text("forget")
        let error = await upstream.outcome(Call.tool("echo")).error
        #expect(error?.reason == .upstreamDown)
        #expect(error?.message.contains("forgot the session") == true)
      }
      #expect(Self.lines(log).filter { $0 == "GET" }.count <= 3)
    }

    @Test(
      "what the POST of one call is refused with concerns that call",
      arguments: [
        ("missing", CallError.Reason.upstreamInvalid, "HTTP 404"), ("doubtful", .upstreamInvalid, "HTTP 400"), ("throttle", .throttled, "HTTP 429"),
        ("denied", .upstreamError, "HTTP 403"), ("crash", .upstreamDown, "HTTP 500"),
      ])
    func refused(tool: String, reason: CallError.Reason, text: String) async throws {
      try await Self.with("post=405") { upstream, _ in
        let error = await upstream.outcome(Call.tool(tool, repeatable: true)).error
        #expect(error?.reason == reason)
        #expect(error?.message.contains(text) == true)
        let session = try await upstream.text("session")
        #expect(session == "1")
      }
    }

    @Test("deadlines and callers who leave are told to the server")
    func cancellation() async throws {
      let log = FakeServer.path("log")
      let cancelled = { @Sendable in Self.lines(log).filter { $0 == "cancelled True" }.count }
      try await Self.with("post=405", log: log) { upstream, _ in
        #expect(await upstream.outcome(Call.tool("hold", within: .milliseconds(200))).error?.reason == .timedOut)
        await withTaskGroup(of: CallError?.self) { group in
          group.addTask { await upstream.outcome(Call.tool("hold")).error }
          while Self.lines(log).filter({ $0 == "tools/call" }).count < 2, !Task.isCancelled { await Task.yield() }
          group.cancelAll()
          #expect(await group.next()??.reason == .cancelled)
        }
        while cancelled() < 2 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(upstream.stats.inFlight == 0)
      }
      #expect(cancelled() == 2)
    }

    @Test("an event over the limit fails the call that it was for, and the next call has a new stream")
    func tooLarge() async throws {
      try await Self.with("post=405", change: { _, http in http.maxResponseBytes = 10_000 }) { upstream, _ in
        let error = await upstream.outcome(Call.tool("big", #"{"bytes":20000}"#, repeatable: true)).error
        #expect(error?.reason == .upstreamInvalid)
        let session = try await upstream.text("session")
        #expect(session == "2")
      }
    }

    @Test("a stream that is silent is asked whether it lives, and given up where it does not say so")
    func silence() async throws {
      let log = FakeServer.path("log")
      let change: Change = { _, http in http.maxSilence = .milliseconds(300) }
      try await Self.with("quiet=yes", log: log, change: change) { upstream, _ in
        while Self.lines(log).filter({ $0 == "ping" }).count < 3 { try await Task.sleep(for: .milliseconds(10)) }
        let first = try await upstream.text("session")
        #expect(first == "1")
        let error = await upstream.outcome(Call.tool("freeze")).error
        #expect(error?.reason == .upstreamDown)
        let second = try await upstream.text("session")
        #expect(second == "2")
      }
    }

    @Test("the stream tells of changed tools and of watched resources")
    func changes() async throws {
      let log = FakeServer.path("log")
      try await Self.with("post=405", log: log) { upstream, recorder in
        _ = try await upstream.text("change")
        await recorder.until { $0.tools == ["t0", "t1", "t2"] }
        upstream.watch(["r://1"])
        while !Self.lines(log).contains("resources/subscribe r://1") { try await Task.sleep(for: .milliseconds(5)) }
        _ = try await upstream.text("touch", #"{"uri":"r://1"}"#)
        await recorder.until { $0.updates == ["r://1"] }
        // A new session is told anew.
        _ = await upstream.outcome(Call.tool("die"))
        while Self.lines(log).filter({ $0 == "resources/subscribe r://1" }).count < 2 { try await Task.sleep(for: .milliseconds(5)) }
        upstream.watch([])
        while !Self.lines(log).contains("resources/unsubscribe r://1") { try await Task.sleep(for: .milliseconds(5)) }
      }
    }

    @Test("what a server asks and says reaches the client that its session is for")
    func conversation() async throws {
      let log = FakeServer.path("log")
      let home = AnsweringPeer()
      let change: Change = { up, _ in
        up.clientCapabilities = Array(#"{"sampling":{}}"#.utf8)
        up.home = home
        up.listsCatalog = false
        up.awaitsOpening = true
      }
      try await Self.with("post=405", log: log, ready: false, change: change) { upstream, _ in
        for method in ["sampling/createMessage", "elicitation/create", "roots/list"] {
          let answer = try await upstream.text("ask", #"{"method":"\#(method)"}"#)
          #expect(answer == #"{"asked": "\#(method)"}"#)
        }
        let logged = try await upstream.text("log")
        #expect(logged == "logged")
        #expect(home.heard == ["sampling/createMessage", "elicitation/create", "roots/list", "notifications/message"])
      }
      #expect(Self.lines(log).contains("may ask"))
      #expect(Self.lines(log).contains("answer [7, {}, null]"))
    }

    @Test("on the session that all share nothing can be asked")
    func asksNobody() async throws {
      let log = FakeServer.path("log")
      try await Self.with("post=405", log: log) { upstream, _ in
        #expect(await upstream.outcome(Call.tool("ask", #"{"method":"roots/list"}"#, within: .milliseconds(500))).error?.reason == .timedOut)
      }
      #expect(Self.lines(log).contains { $0.contains("-32601") })
    }

    @Test("who goes away is down, and joins when it comes back")
    func restarts() async throws {
      let port = NIOLockedValueBox("0")
      try await Self.with("post=405") { upstream, _ in
        port.withLockedValue { $0 = upstream.exchange.configuration.url.split(separator: ":")[2].split(separator: "/").first.map(String.init) ?? "" }
      }
      let number = port.withLockedValue { $0 }
      let change: Change = { up, http in
        http.url = "http://127.0.0.1:\(number)/sse"
        up.retryDelays = .milliseconds(50) ... .milliseconds(200)
      }
      // The upstream outlives the servers that it speaks to; the first one is another's, and only its port matters.
      try await HTTPUpstreamTests.with("post=405", script: FakeServer.sse, path: "/sse", ready: false, change: change) { upstream, recorder in
        for _ in 0..<2 {
          try await Self.with("port=\(number)") { _, _ in
            await recorder.until { $0.state == .ready }
            let echo = try await upstream.text("echo")
            #expect(echo == "{}")
          }
          await recorder.until(\.isDown)
          #expect(await upstream.outcome(Call.tool("echo")).error?.reason == .upstreamDown)
        }
      }
    }
  }
}
