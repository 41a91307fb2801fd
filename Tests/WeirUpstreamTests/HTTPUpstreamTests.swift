import Logging
import NIOConcurrencyHelpers
import Subprocess
import Testing
import WeirCore
import WeirHTTPClient

@testable import WeirUpstream

extension RealProcesses {
  @Suite("An upstream behind a URL")
  struct HTTPUpstreamTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Runs a server, and around `body` an upstream that speaks to it.
    static func with(
      _ options: String..., script: String = FakeServer.http, path: String = "/mcp", ready: Bool = true,
      change: @escaping @Sendable (inout UpstreamConfiguration, inout HTTPUpstreamConfiguration) -> Void = { _, _ in },
      _ body: @escaping @Sendable (HTTPUpstream, Recorder) async throws -> Void
    ) async throws {
      let words = [script] + options
      _ = try await run(.name("python3"), arguments: Arguments(words), input: .inputWriter, output: .sequence, error: .discarded) { server in
        var port = ""
        for try await line in server.standardOutput.strings() {
          port = String(line.prefix { $0.isNumber })
          break
        }
        try await around("http://127.0.0.1:\(port)\(path)", ready, change, body)
        try await server.standardInputWriter.finish()
      }
    }

    private static func around(
      _ url: String, _ ready: Bool, _ change: (inout UpstreamConfiguration, inout HTTPUpstreamConfiguration) -> Void,
      _ body: @escaping @Sendable (HTTPUpstream, Recorder) async throws -> Void
    ) async throws {
      var configuration = UpstreamConfiguration(name: "up")
      var http = HTTPUpstreamConfiguration(url: url)
      configuration.listDebounce = .milliseconds(10)
      change(&configuration, &http)
      let client = HTTPClient(logger: quiet)
      let recorder = Recorder()
      let upstream = HTTPUpstream(configuration, http, client: client, observer: recorder, time: Call.time, logger: quiet)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await upstream.run() }
        if ready { await recorder.until { $0.state == .ready } }
        try await body(upstream, recorder)
        group.cancelAll()
      }
      await client.shutdown()
    }

    static func lines(_ log: String) -> [String] { FakeServer.contents(log).split(separator: "\n").map(String.init) }

    @Test("both eras open, list and answer, by document and by stream", arguments: ["legacy", "modern"])
    func opens(era: String) async throws {
      let log = FakeServer.path("log")
      let heard = NIOLockedValueBox<[String]>([])
      try await Self.with("era=\(era)", "log=\(log)") { upstream, recorder in
        #expect(recorder.heard.tools == ["t0", "t1"])
        let echoAnswer = try await upstream.text("echo", #"{"x":"é"}"#)
        #expect(echoAnswer == #"{"x": "\u00e9"}"#)
        let call = Call.tool(
          "stream", onProgress: { progress in heard.withLockedValue { $0.append(String(decoding: progress.params, as: UTF8.self)) } })
        let text = try await upstream.send(call).text
        #expect(text == "streamed")
        #expect(upstream.stats.unknownResponses == 1)
        #expect(upstream.stats.inFlight == 0)
        while era == "legacy", !Self.lines(log).contains("response") { try await Task.sleep(for: .milliseconds(5)) }
      }
      #expect(heard.withLockedValue { $0 } == ["1", "2", "3"].map { #"{"progress": \#($0)}"# })
      let opening =
        era == "modern" ? ["server/discover", "tools/list"] : ["server/discover", "initialize", "notifications/initialized", "tools/list"]
      // What changes is listened to beside everything else, whenever.
      #expect(Array(Self.lines(log).filter { $0 != "subscriptions/listen" }.prefix(opening.count)) == opening)
      #expect(Self.lines(log).contains("DELETE") == (era == "legacy"))
    }

    @Test("configuration decides the era where it says so")
    func policies() async throws {
      let log = FakeServer.path("log")
      try await Self.with("era=legacy", "log=\(log)", change: { up, _ in up.era = .legacy }) { upstream, _ in
        let echoAnswer = try await upstream.text("echo")
        #expect(echoAnswer == "{}")
      }
      #expect(Self.lines(log).first == "initialize")
      try await Self.with("era=legacy", ready: false, change: { up, _ in up.era = .modern }) { _, recorder in
        await recorder.until { if case .down(let reason)? = $0.state { reason.contains("only revision allowed") } else { false } }
      }
    }

    @Test(
      "refusals that are no sign of an era are shown as the state, and initialize is not tried",
      arguments: [("era=denied", "refused our credential (HTTP 403)"), ("token=x", "refused our credential (HTTP 401)"), ("era=busy", "HTTP 503")])
    func notEvidence(option: String, reason: String) async throws {
      let log = FakeServer.path("log")
      try await Self.with(option, "log=\(log)", ready: false) { upstream, recorder in
        await recorder.until { if case .down(let text)? = $0.state { text.contains(reason) } else { false } }
        let error = await upstream.outcome(Call.tool("echo")).error
        #expect(error?.reason == .upstreamDown)
        #expect(error?.message.contains(reason) == true)
      }
      #expect(!Self.lines(log).contains("initialize"))
    }

    @Test("a header's secret that a server repeats reaches no caller and no state (issue 2)", arguments: ["legacy", "modern", "leak"])
    func canary(era: String) async throws {
      let change = { @Sendable (_: inout UpstreamConfiguration, http: inout HTTPUpstreamConfiguration) in
        http.headers = [("Authorization", Secret("Bearer canary-4711-x"))]
      }
      try await Self.with("era=\(era)", ready: era != "leak", change: change) { upstream, recorder in
        if era == "leak" { await recorder.until(\.isDown) }
        let error = try #require(await upstream.outcome(Call.tool("leak")).error)
        #expect(error.message.contains("no entry for *** at (URL)"))
        #expect(error.upstreamData == nil)
        #expect(!"\(recorder.heard.states)".contains("canary"))
      }
    }

    @Test("a server of neither transport is down with an explanation")
    func oldTransport() async throws {
      try await Self.with("era=sse", ready: false) { _, recorder in
        await recorder.until { if case .down(let reason)? = $0.state { reason.contains("HTTP+SSE") } else { false } }
      }
    }

    @Test("a tool that always gets 404 fails alone: the session is kept, and nobody waits for another (issue 2)")
    func missing() async throws {
      try await Self.with("era=legacy") { upstream, _ in
        for isRepeatable in [true, false, true] {
          let error = await upstream.outcome(Call.tool("missing", repeatable: isRepeatable)).error
          #expect(error?.reason == .upstreamInvalid)
          #expect(error?.message.contains("HTTP 404") == true)
        }
        let echoAnswer = try await upstream.text("echo")
        #expect(echoAnswer == "{}")
        #expect(upstream.stats.restarts == 0)
        #expect(upstream.state == .ready)
      }
    }

    @Test("configured headers are sent, those of the protocol are not taken from there")
    func headers() async throws {
      let change = { @Sendable (_: inout UpstreamConfiguration, http: inout HTTPUpstreamConfiguration) in
        http.headers = [("Authorization", Secret("Bearer s3cret")), ("Accept", Secret("text/html"))]
      }
      try await Self.with("token=Bearer s3cret", change: change) { upstream, _ in
        let echoAnswer = try await upstream.text("echo")
        #expect(echoAnswer == "{}")
      }
    }

    @Test("a forgotten session is opened again once for all, and only repeatable calls are sent again")
    func forgottenSession() async throws {
      let log = FakeServer.path("log")
      try await Self.with("log=\(log)") { upstream, recorder in
        _ = try await upstream.text("forget")
        await withTaskGroup(of: CallError?.self) { group in
          for _ in 0..<20 { group.addTask { await upstream.outcome(Call.tool("echo", repeatable: true)).error } }
          for await error in group { #expect(error == nil) }
        }
        _ = try await upstream.text("forget")
        let error = await upstream.outcome(Call.tool("echo")).error
        #expect(error?.reason == .upstreamDown)
        #expect(error?.message.contains("forgot the session") == true)
        let echoAnswer = try await upstream.text("echo")
        #expect(echoAnswer == "{}")
        #expect(recorder.heard.states == [.connecting, .ready])
      }
      #expect(Self.lines(log).filter { $0 == "initialize" }.count == 3)
    }

    @Test("issue 4: whoever watches hears that resources may be others in a new session")
    func lostResources() async throws {
      try await Self.with { upstream, recorder in
        upstream.watch(["a:1"])
        _ = try await upstream.text("forget")
        let error = await upstream.outcome(Call.tool("echo", repeatable: true)).error
        #expect(error == nil)
        await recorder.until { $0.updates == ["a:1"] }
      }
    }

    @Test(
      "what goes wrong is mapped once",
      arguments: [
        ("throttle", CallError.Reason.throttled, "HTTP 429"), ("crash", .upstreamDown, "HTTP 500"),
        ("error", .upstreamError, "error -32050: no luck"),
        ("bad", .upstreamInvalid, "no JSON"), ("cut", .upstreamDown, "may have been carried out"), ("nothing", .upstreamError, "-32602"),
      ])
    func errors(tool: String, reason: CallError.Reason, text: String) async throws {
      try await Self.with("era=modern") { upstream, _ in
        let error = try #require(await upstream.outcome(Call.tool(tool)).error)
        #expect(error.reason == reason)
        #expect(error.message.contains(text))
        #expect(!error.message.contains("127.0.0.1") && !error.message.contains("stack"))
        if tool == "throttle" { #expect(error.retryAfter == .seconds(7)) }
        if tool == "error" { #expect(error.upstreamCode == -32050 && error.upstreamData == Array(#"{"why": 1}"#.utf8)) }
        #expect(upstream.stats.failures == 1)
      }
    }

    @Test("an answer over the limit fails its call")
    func tooLarge() async throws {
      try await Self.with(change: { _, http in http.maxResponseBytes = 10_000 }) { upstream, _ in
        #expect(await upstream.outcome(Call.tool("big", #"{"bytes":20000}"#)).error?.reason == .upstreamInvalid)
        let echoAnswer = try await upstream.text("echo")
        #expect(echoAnswer == "{}")
      }
    }

    @Test("a stream that ends too early is asked again once where that does no harm")
    func cutOnce() async throws {
      try await Self.with { upstream, _ in
        let cut_onceAnswer = try await upstream.send(Call.tool("cut_once", repeatable: true)).text
        #expect(cut_onceAnswer == "second")
      }
    }

    @Test("deadlines and callers who leave close the stream, and a legacy server is told", arguments: ["legacy", "modern"])
    func cancellation(era: String) async throws {
      let log = FakeServer.path("log")
      try await Self.with("era=\(era)", "log=\(log)") { upstream, _ in
        #expect(await upstream.outcome(Call.tool("hold", within: .milliseconds(200))).error?.reason == .timedOut)
        await withTaskGroup(of: CallError?.self) { group in
          group.addTask { await upstream.outcome(Call.tool("hold")).error }
          while Self.lines(log).filter({ $0 == "tools/call" }).count < 2, !Task.isCancelled { await Task.yield() }
          group.cancelAll()
          #expect(await group.next()??.reason == .cancelled)
        }
        while Self.lines(log).filter({ $0 == "closed" }).count < 2 { try await Task.sleep(for: .milliseconds(10)) }
        while era == "legacy", Self.lines(log).filter({ $0 == "notifications/cancelled" }).count < 2 { try await Task.sleep(for: .milliseconds(10)) }
      }
      #expect(Self.lines(log).filter { $0 == "notifications/cancelled" }.count == (era == "legacy" ? 2 : 0))
    }

    @Test("a legacy server's stream tells of changed tools")
    func changedTools() async throws {
      let log = FakeServer.path("log")
      try await Self.with("get=yes", "log=\(log)") { upstream, recorder in
        while !Self.lines(log).contains("GET") { try await Task.sleep(for: .milliseconds(5)) }
        _ = try await upstream.text("change")
        await recorder.until { $0.tools == ["t0", "t1", "t2"] }
      }
    }

    @Test("issue 4: a question that the server takes back is given up, and not answered")
    func withdrawn() async throws {
      let (log, peer) = (FakeServer.path("log"), SilentPeer())
      let change = { @Sendable (up: inout UpstreamConfiguration, _: inout HTTPUpstreamConfiguration) in
        up.clientCapabilities = Array(#"{"elicitation":{}}"#.utf8)
      }
      try await Self.with("log=\(log)", change: change) { upstream, _ in
        var call = Call.tool("withdraw", #"{"asked":"\#(peer.asked)"}"#)
        call.caller = UpstreamCaller(principal: "p", peer: peer)
        let text = try await upstream.send(call).text
        #expect(text == "withdrawn")
        await peer.givesUp()
        _ = try await upstream.text("echo")
      }
      #expect(!Self.lines(log).contains("response"))
    }

    @Test("issue 4: a call refused for its headers has the tools listed again, for they are others")
    func otherHeaders() async throws {
      try await Self.with("era=modern") { upstream, recorder in
        let family = UpstreamFamily(upstream, isolation: .shared, time: Call.time) { _ in upstream }
        let error = await family.outcome(Call.tool("mismatch")).error
        #expect(error?.upstreamCode == -32020 && error?.refusesHeaders == true)
        await recorder.until { $0.tools == ["t0", "t1", "t2"] }
      }
    }

    @Test("issue 4: in the handshake era that code says nothing about headers, nor what became of the call")
    func otherMeaning() async throws {
      try await Self.with("era=legacy") { upstream, _ in
        let error = await upstream.outcome(Call.tool("mismatch")).error
        #expect(error?.upstreamCode == -32020 && error?.refusesHeaders == false)
      }
    }

    @Test("a credential that is revoked later shows as the state")
    func revoked() async throws {
      let change = { @Sendable (_: inout UpstreamConfiguration, http: inout HTTPUpstreamConfiguration) in
        http.headers = [("Authorization", Secret("ok"))]
      }
      try await Self.with("token=ok", change: change) { upstream, recorder in
        _ = try await upstream.text("revoke")
        let error = await upstream.outcome(Call.tool("echo")).error
        #expect(error?.message.contains("refused our credential (HTTP 401)") == true)
        await recorder.until(\.isDown)
      }
    }

    @Test(
      "what is refused to one call stops nobody else, and is looked into once (issue 2)",
      arguments: [
        ("forbidden", 403, 1, "legacy"), ("forbidden", 403, 1, "modern"), ("unauthorized", 401, 2, "legacy"), ("unauthorized", 401, 2, "modern"),
      ])
    func refusedCall(tool: String, status: Int, listings: Int, era: String) async throws {
      let log = FakeServer.path("log")
      let listed = { @Sendable in Self.lines(log).filter { $0 == "tools/list" }.count }
      try await Self.with("era=\(era)", "log=\(log)") { upstream, recorder in
        for _ in 0..<2 {
          await withTaskGroup(of: CallError?.self) { group in
            for _ in 0..<10 { group.addTask { await upstream.outcome(Call.tool(tool, repeatable: true)).error } }
            for await error in group {
              #expect(error?.reason == .upstreamError)
              #expect(error?.retryAfter == nil)
              #expect(error?.message.contains("refused our credential (HTTP \(status))") == true)
            }
          }
          let answer = try await upstream.text("echo")
          #expect(answer == "{}")
          while listed() < listings { try await Task.sleep(for: .milliseconds(5)) }
        }
        #expect(upstream.state == .ready)
        #expect(upstream.stats.restarts == 0)
        #expect(recorder.heard.states == [.connecting, .ready])
      }
      #expect(listed() == listings)
      #expect(Self.lines(log).filter { $0 == "tools/call" }.count == 22)
    }

    @Test("a server that asks without end is answered by few connections (issue 2)")
    func asksWithoutEnd() async throws {
      let log = FakeServer.path("log")
      let busy = { @Sendable in Self.lines(log).compactMap { $0.hasPrefix("busy:") ? Int($0.dropFirst(5)) : nil } }
      try await Self.with("answers=slow", "log=\(log)") { upstream, _ in
        await withTaskGroup(of: String??.self) { group in
          for _ in 0..<6 { group.addTask { try? await upstream.text("ask") } }
          for await text in group { #expect(text == "asked") }
        }
        #expect(upstream.stats.droppedMessages > 0)
        while busy().count < 10 { try await Task.sleep(for: .milliseconds(5)) }
        let answer = try await upstream.text("echo")
        #expect(answer == "{}")
      }
      #expect((busy().max() ?? 0) <= 8)
    }

    @Test("who is not there yet is down, and joins when it comes")
    func joinsLater() async throws {
      let port = NIOLockedValueBox("")
      // A port that was free a moment ago: the first server gave it back.
      try await Self.with { upstream, _ in
        port.withLockedValue {
          $0 = upstream.exchange.configuration.url.split(separator: ":").last?.split(separator: "/").first.map(String.init) ?? ""
        }
      }
      let number = port.withLockedValue { $0 }
      let url = "http://127.0.0.1:\(number)/mcp"
      try await Self.around(url, false, { up, _ in up.retryDelays = .milliseconds(50) ... .milliseconds(200) }) { upstream, recorder in
        await recorder.until(\.isDown)
        #expect(await upstream.outcome(Call.tool("echo")).error?.reason == .upstreamDown)
        try await Self.with("port=\(number)") { _, _ in
          await recorder.until { $0.state == .ready }
          let echoAnswer = try await upstream.text("echo")
          #expect(echoAnswer == "{}")
        }
      }
    }
  }
}
