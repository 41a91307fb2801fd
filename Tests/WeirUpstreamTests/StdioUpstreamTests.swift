import Glibc
import Logging
import NIOConcurrencyHelpers
import Testing
import WeirCore

@testable import WeirUpstream

/// Everything that starts processes: one after the other, so that the numbers of processes and pipes can be compared.
@Suite("Real processes", .serialized, .timeLimit(.minutes(5)))
enum RealProcesses {}

extension RealProcesses {
  @Suite("An upstream that is a command")
  struct StdioUpstreamTests {
    /// Runs an upstream around `body` and checks that none of its processes is left.
    private static func with<Value: Sendable>(
      _ options: String..., processes: Int = 1, guarded: Bool = false, logger: Logger? = nil, ready: Bool = true,
      change: (inout UpstreamConfiguration, inout StdioConfiguration) -> Void = { _, _ in },
      _ body: @escaping @Sendable (StdioUpstream, Recorder) async throws -> Value
    ) async throws -> Value {
      var configuration = UpstreamConfiguration(name: "up")
      var stdio = StdioConfiguration(command: ["python3", FakeServer.stdio] + options)
      stdio.processes = processes
      if guarded { stdio.guardCommand = Processes.guardCommand }
      change(&configuration, &stdio)
      let recorder = Recorder()
      let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      let upstream = StdioUpstream(configuration, stdio, observer: recorder, time: Call.time, logger: logger ?? quiet)
      return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await upstream.run() }
        if ready { await recorder.until { $0.state == .ready } }
        let value = try await body(upstream, recorder)
        group.cancelAll()
        return value
      }
    }

    @Test(
      "every kind of server opens, lists its tools to the end, and answers",
      arguments: ["legacy", "modern", "exits", "old", "dual"], [false, true])
    func opens(era: String, guarded: Bool) async throws {
      try await Self.with("era=\(era)", "tools=7", "page=3", guarded: guarded && Processes.guardCommand != nil) { upstream, recorder in
        #expect(recorder.heard.tools == ["echo", "tool0", "tool1", "tool2", "tool3", "tool4", "tool5"])
        #expect(recorder.heard.catalogs.last?.instructions == (era == "modern" ? "modern rules" : "legacy rules"))
        #expect(recorder.heard.catalogs.last?.tools.first?.readOnlyHint == true)
        let echoAnswer = try await upstream.text("echo", #"{"n":1}"#)
        #expect(echoAnswer == #"{"n": 1}"#)
        #expect(upstream.stats.sessionsReady == 1)
        #expect(upstream.stats.tools == 7)
      }
    }

    @Test("a server that does not answer the question for its era is opened the old way after the probe's time")
    func silentProbe() async throws {
      try await Self.with("era=silent", change: { up, _ in up.probeTimeout = .milliseconds(300) }) { upstream, _ in
        let echoAnswer = try await upstream.text("echo")
        #expect(echoAnswer == "{}")
      }
    }

    @Test(
      "what cannot be opened is down with a reason, and calls fail at once",
      arguments: [
        ("era=alien", "it speaks only 2099-01-01"), ("era=odd", "protocol version 1999-01-01"), ("start=dead", "exited with status 3"),
        ("start=mute", "did not answer within 1 s"),
      ])
    func down(option: String, reason: String) async throws {
      try await Self.with(option, ready: false, change: { up, _ in up.connectTimeout = .seconds(1) }) { upstream, recorder in
        await recorder.until { if case .down(let text)? = $0.state { text.contains(reason) } else { false } }
        let error = await upstream.outcome(Call.tool("echo")).error
        #expect(error?.reason == .upstreamDown)
        #expect(error?.message.contains(reason) == true)
        #expect(error?.retryAfter != nil)
      }
    }

    @Test("a command that is not there is down with a reason", arguments: [true, false])
    func noCommand(guarded: Bool) async throws {
      let change = { (_: inout UpstreamConfiguration, stdio: inout StdioConfiguration) in
        stdio.command = ["no-such-command-\(getpid())", "--token", "hunter2hunter2"]
      }
      try await Self.with(guarded: guarded && Processes.guardCommand != nil, ready: false, change: change) { upstream, recorder in
        await recorder.until(\.isDown)
        let message = await upstream.outcome(Call.tool("echo")).error?.message ?? ""
        #expect(message.contains("no-such-command"))
        #expect(!message.contains("hunter2"))
      }
    }

    @Test("a secret of the configuration that a command repeats reaches no caller, no state and no log (issue 2)", arguments: ["legacy", "leak"])
    func canary(era: String) async throws {
      let lines = NIOLockedValueBox<[String]>([])
      let logger = Logger(label: "test") { _ in CollectingLog(lines: lines) }
      let change = { (_: inout UpstreamConfiguration, stdio: inout StdioConfiguration) in stdio.environment["SECRET_TOKEN"] = Secret("canary-4711-x")
      }
      try await Self.with("era=\(era)", logger: logger, ready: era == "legacy", change: change) { upstream, recorder in
        if era == "leak" { await recorder.until(\.isDown) }
        let error = try #require(await upstream.outcome(Call.tool("leak")).error)
        #expect(error.message.contains("no entry for *** at (URL)"))
        #expect(error.upstreamData == nil)
        #expect(!"\(recorder.heard.states)".contains("canary"))
      }
      #expect(!lines.withLockedValue { $0 }.contains { $0.contains("canary") || $0.contains("bill.internal") })
    }

    @Test("progress arrives in order and without the token")
    func progress() async throws {
      let heard = NIOLockedValueBox<[String]>([])
      try await Self.with("era=modern") { upstream, _ in
        let call = Call.tool(
          "progress", onProgress: { progress in heard.withLockedValue { $0.append(String(decoding: progress.params, as: UTF8.self)) } })
        let text = try await upstream.send(call).text
        #expect(text == "done")
      }
      #expect(heard.withLockedValue { $0 } == ["1", "2", "3"].map { #"{"progress": \#($0), "note": "n"}"# })
    }

    @Test("banners, doubled, misdirected and broken answers reach nobody else")
    func nonsense() async throws {
      try await Self.with { upstream, _ in
        let garbageAnswer = try await upstream.text("garbage")
        #expect(garbageAnswer == "clean")
        let doubleAnswer = try await upstream.text("double")
        #expect(doubleAnswer == "one")
        let unknownAnswer = try await upstream.text("unknown")
        #expect(unknownAnswer == "mine")
        #expect(await upstream.outcome(Call.tool("broken")).error?.reason == .upstreamInvalid)
        let echoAnswer = try await upstream.text("echo")
        #expect(echoAnswer == "{}")
        #expect(upstream.stats.unknownResponses == 3)
        #expect(upstream.stats.invalidMessages == 4)
        #expect(upstream.stats.restarts == 0)
      }
    }

    @Test("the server's own requests are answered: a pong, and a refusal")
    func serverAsks() async throws {
      try await Self.with { upstream, _ in
        let replies = try await upstream.text("ask").split(separator: "|")
        #expect(replies.first.map(String.init) == #"{"jsonrpc":"2.0","id":"p","result":{}}"#)
        #expect(replies.last?.contains("-32601") == true)
      }
    }

    @Test("an error of the server comes with code and data, in one line")
    func upstreamError() async throws {
      try await Self.with { upstream, _ in
        let error = await upstream.outcome(Call.tool("error")).error
        #expect(error?.upstreamCode == -32050)
        #expect(error?.message == "upstream up answered with error -32050: no  luck at all")
      }
    }

    @Test("a deadline and a caller who leaves cancel the call upstream, and the process goes on")
    func cancellation() async throws {
      let log = FakeServer.path("log")
      try await Self.with("log=\(log)") { upstream, _ in
        #expect(await upstream.outcome(Call.tool("hold", within: .milliseconds(500))).error?.reason == .timedOut)
        await withTaskGroup(of: CallError?.self) { group in
          group.addTask { await upstream.outcome(Call.tool("hold")).error }
          // A call that has not left yet is given up without a word to the server.
          while Self.lines(of: log, "tools/call") < 2, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(2)) }
          group.cancelAll()
          #expect(await group.next()??.reason == .cancelled)
        }
        let echoAnswer = try await upstream.text("echo")
        #expect(echoAnswer == "{}")
        #expect(upstream.stats.inFlight == 0)
      }
      #expect(Self.lines(of: log, "cancelled:") == 2)
    }

    private static func lines(of log: String, _ beginning: String) -> Int {
      FakeServer.contents(log).split(separator: "\n").count { $0.hasPrefix(beginning) }
    }

    @Test("a call whose process dies fails with a warning that it may have been done, and the process is started again")
    func dies() async throws {
      try await Self.with { upstream, recorder in
        let first = try await upstream.text("pid")
        let error = await upstream.outcome(Call.tool("die")).error
        #expect(error?.reason == .upstreamDown)
        #expect(error?.message.contains("may have been carried out") == true)
        #expect(error?.message.contains("exited with status 9") == true)
        await recorder.until { $0.states.count { $0 == .ready } == 2 }
        let second = try await upstream.text("pid")
        #expect(second != first)
        #expect(upstream.stats.restarts == 1)
      }
    }

    @Test("issue 4: whoever watches hears that resources of a lost process may be others, and so does what is kept", arguments: [true, false])
    func lostResources(isWatched: Bool) async throws {
      try await Self.with { upstream, recorder in
        if isWatched { upstream.watch(["a:1", "a:2"]) }
        _ = await upstream.outcome(Call.tool("die"))
        await recorder.until { $0.updates.count == (isWatched ? 2 : 1) }
        #expect(Set(recorder.heard.updates) == (isWatched ? ["a:1", "a:2"] : [""]))
      }
    }

    @Test("issue 4: a question that the server takes back is given up, and not answered", arguments: [true, false])
    func withdrawn(isAsked: Bool) async throws {
      let (log, peer) = (FakeServer.path("log"), SilentPeer())
      let change = { (up: inout UpstreamConfiguration, _: inout StdioConfiguration) in
        up.clientCapabilities = Array(#"{"elicitation":{}}"#.utf8)
        up.home = peer
      }
      try await Self.with("log=\(log)", change: change) { upstream, _ in
        let answer = try await upstream.text("withdraw", isAsked ? #"{"asked":"\#(peer.asked)"}"# : "{}")
        #expect(answer == "withdrawn")
        if isAsked { await peer.givesUp() }
        _ = try await upstream.text("echo")
      }
      #expect(!FakeServer.contents(log).contains("response"))
    }

    @Test("issue 4: whose session it is hears that what it was sent to is done")
    func completed() async throws {
      let peer = AnsweringPeer()
      try await Self.with(change: { up, _ in up.home = peer }) { upstream, _ in _ = try await upstream.text("complete") }
      #expect(peer.heard == ["notifications/elicitation/complete"])
    }

    @Test("a call that may be repeated is sent once more, after the restart or to another process", arguments: [1, 2])
    func repeats(processes: Int) async throws {
      try await Self.with(processes: processes) { upstream, _ in
        let call = Call.tool("die_once", #"{"marker":"\#(FakeServer.path("marker"))"}"#, repeatable: true)
        let text = try await upstream.send(call).text
        #expect(text == "second")
        let twice = await upstream.outcome(Call.tool("die", repeatable: true)).error
        #expect(twice?.message.contains("twice") == true)
      }
    }

    @Test("calls spread over the processes")
    func spreads() async throws {
      try await Self.with(processes: 3) { upstream, _ in
        while upstream.stats.sessionsReady < 3 { try await Task.sleep(for: .milliseconds(5)) }
        await withTaskGroup(of: Void.self) { group in
          for _ in 0..<2 { group.addTask { _ = await upstream.outcome(Call.tool("hold")) } }
          while upstream.stats.inFlight < 2, !Task.isCancelled { await Task.yield() }
          #expect(await upstream.outcome(Call.tool("echo", within: .seconds(5))).error == nil)
          group.cancelAll()
        }
      }
    }

    @Test("a hundred calls side by side find their own answers")
    func concurrent() async throws {
      try await Self.with(processes: 2) { upstream, _ in
        await withTaskGroup(of: (Int, String?).self) { group in
          for number in 0..<100 { group.addTask { (number, try? await upstream.text("echo", #"{"n":\#(number)}"#)) } }
          for await (number, text) in group { #expect(text == #"{"n": \#(number)}"#) }
        }
      }
    }

    @Test("a line over the limit fails the process, not Weir")
    func bigLine() async throws {
      try await Self.with(change: { _, stdio in stdio.maxLineBytes = 100_000 }) { upstream, recorder in
        let error = await upstream.outcome(Call.tool("big", #"{"bytes":300000}"#)).error
        #expect(error?.message.contains("a line of more than 100000 bytes") == true)
        await recorder.until { $0.states.count { $0 == .ready } == 2 }
        let long = try await upstream.text("echo", #"{"s":"\#(String(repeating: "y", count: 90_000))"}"#)
        #expect(long.utf8.count > 90_000)
      }
    }

    @Test("standard error reaches the log without secrets and not without bound")
    func errorOutput() async throws {
      let lines = NIOLockedValueBox<[String]>([])
      var logger = Logger(label: "test") { _ in CollectingLog(lines: lines) }
      logger.logLevel = .debug
      try await Self.with(
        logger: logger,
        change: { _, stdio in
          stdio.environment = ["SECRET_TOKEN": Secret("tr0ub4dor&3")]
          stdio.maxErrorLinesPerSecond = 20
        }
      ) { upstream, _ in
        let floodAnswer = try await upstream.text("flood", #"{"lines":5000}"#)
        #expect(floodAnswer == "flooded")
        while upstream.stats.droppedLogLines < 4000 { try await Task.sleep(for: .milliseconds(5)) }
      }
      let logged = lines.withLockedValue { $0 }
      #expect(logged.contains { $0.contains("line 0 token=***") })
      #expect(logged.count < 500)
      #expect(!logged.contains { $0.contains("tr0ub4dor") || $0.contains("abcdef0123456789") || $0.contains("AKIAABCD") })
    }

    @Test("children inherit a short list of variables and what is configured, and nothing else")
    func environment() async throws {
      setenv("WEIR_TEST_PRIVATE", "x", 1)
      let given = ["GIVEN": Secret("1"), "HOME": Secret("/elsewhere")]
      let variables = LaunchEnvironment.variables(adding: given)
      #expect(variables["GIVEN"] == "1" && variables["HOME"] == "/elsewhere" && variables["PATH"] != nil)
      #expect(variables.keys.allSatisfy { LaunchEnvironment.inherited.contains($0) || $0 == "GIVEN" })
      try await Self.with(change: { _, stdio in stdio.environment = ["GIVEN": Secret("1")] }) { upstream, _ in
        let names = try await upstream.text("environment").split(separator: ",")
        #expect(names.contains("PATH") && names.contains("GIVEN"))
        #expect(!names.contains("WEIR_TEST_PRIVATE"))
      }
    }

    @Test("a change of the tools is listed anew")
    func toolsChange() async throws {
      try await Self.with("tools=2", change: { up, _ in up.listDebounce = .milliseconds(10) }) { upstream, recorder in
        #expect(recorder.heard.tools == ["echo", "tool0"])
        _ = try await upstream.text("change")
        await recorder.until { $0.tools == ["echo", "tool0", "tool1"] }
      }
    }

    @Test("a listing that fails is a reason to be down, and is tried again")
    func listingFails() async throws {
      try await Self.with("cursor=loop", ready: false) { _, recorder in
        await recorder.until { if case .down(let reason)? = $0.state { reason.contains("nextCursor twice") } else { false } }
      }
    }

    @Test("processes end with their upstream: the willing at the end of input, the stubborn by force, and their children", arguments: [false, true])
    func shutdown(guarded: Bool) async throws {
      let log = FakeServer.path("log")
      let pids = NIOLockedValueBox<[Int32]>([])
      let isGuarded = guarded && Processes.guardCommand != nil
      try await Self.with("log=\(log)", processes: 2, guarded: isGuarded, change: { _, stdio in stdio.stopGrace = .milliseconds(500) }) {
        upstream, _ in
        while upstream.stats.sessionsReady < 2 { try await Task.sleep(for: .milliseconds(5)) }
        let spawned = try await upstream.text("spawn", #"{"session":\#(isGuarded)}"#).split(separator: ",").compactMap { Int32($0) }
        #expect(spawned.count == 2 && spawned.allSatisfy(Processes.isAlive))
        let own = Int32(try await upstream.text("pid")) ?? 0
        _ = try await upstream.text("stubborn")
        pids.withLockedValue { $0 = spawned + [own] }
      }
      #expect(await Processes.areGone(pids.withLockedValue { $0 }, within: 3))
      #expect(FakeServer.contents(log).contains("eof"))
    }

    @Test("twenty starts and stops leave no pipe and no process behind")
    func nothingLeaks() async throws {
      let round = { try await Self.with(processes: 2, guarded: Processes.guardCommand != nil) { upstream, _ in _ = try await upstream.text("echo") } }
      try await round()
      let before = Processes.pipes
      for _ in 0..<10 { try await round() }
      #expect(Processes.pipes <= before + 2)
      #expect(Processes.children(running: FakeServer.stdio).isEmpty)
    }
  }
}

/// A log handler that keeps the lines of standard error.
struct CollectingLog: LogHandler {
  let lines: NIOLockedValueBox<[String]>
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.debug

  init(lines: NIOLockedValueBox<[String]>) { self.lines = lines }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    lines.withLockedValue { $0.append("\(event.message) \(event.metadata ?? [:])") }
  }
}
