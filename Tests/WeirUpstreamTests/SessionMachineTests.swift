import Testing
import WeirCore
import WeirJSON
import WeirMCP

@testable import WeirUpstream

@Suite("One session with a server that keeps messages in order")
struct SessionMachineTests {
  private static let start = Moment(nanoseconds: 1_000_000_000)
  private static let deadline = Moment.distantFuture

  private static func machine(_ opening: SessionMachine.Opening = .probe) -> SessionMachine {
    SessionMachine(configuration: UpstreamConfiguration(name: "up"), opening: opening)
  }

  private static func message(_ text: String) -> IncomingMessage { IncomingMessage(reading: Array(text.utf8), maxBytes: 1 << 20) }

  private static func written(_ actions: [SessionAction]) -> [JSONDocument] {
    actions.compactMap { if case .write(let bytes) = $0 { try? JSONDocument(parsing: bytes) } else { nil } }
  }

  private static func methods(_ actions: [SessionAction]) -> [String] { written(actions).compactMap { $0.root["method"]?.string } }

  private static func finished(_ actions: [SessionAction]) -> [(id: Int, error: CallError?, raw: String?)] {
    actions.compactMap { action in
      guard case .finished(let id, let result) = action else { return nil }
      switch result {
      case .success(let value): return (id, nil, String(decoding: value.raw, as: UTF8.self))
      case .failure(let error): return (id, error, nil)
      }
    }
  }

  private static func failure(_ actions: [SessionAction]) -> String? {
    for case .failed(let reason) in actions { return reason }
    return nil
  }

  private static func info(_ actions: [SessionAction]) -> SessionInfo? {
    for case .opened(let info) in actions { return info }
    return nil
  }

  /// A machine whose session is open; the next id is the one after the opening's.
  private static func open(_ era: ProtocolEra = .legacy) -> SessionMachine {
    var machine: SessionMachine = Self.machine(era == .legacy ? .legacy : .modern)
    _ = machine.start(now: start)
    let legacy = #"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}"#
    let modern = #"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#
    let result = era == .legacy ? legacy : modern
    _ = machine.receive(message(#"{"jsonrpc":"2.0","id":1,"result":\#(result)}"#))
    return machine
  }

  private static func request(_ params: String = #"{"name":"t"}"#, meta: String? = nil, progress: Bool = false) -> UpstreamRequest {
    var request = UpstreamRequest(
      method: "tools/call", name: "t", params: Array(params.utf8), meta: meta.map { Array($0.utf8) }, deadline: deadline)
    if progress { request.onProgress = { _ in } }
    return request
  }

  @Test("a modern server is asked once, with all three keys of _meta, and is open with its answer")
  func modern() throws {
    var machine = Self.machine()
    let first = machine.start(now: Self.start)
    let meta = try #require(Self.written(first).first?.root["params"]?["_meta"])
    #expect(Self.methods(first) == ["server/discover"])
    #expect(meta["io.modelcontextprotocol/protocolVersion"]?.string == "2026-07-28")
    #expect(meta["io.modelcontextprotocol/clientInfo"]?["name"]?.string == "weir")
    #expect(meta["io.modelcontextprotocol/clientCapabilities"]?.kind == .object)
    let answer = #"{"supportedVersions":["2026-07-28"],"capabilities":{},"instructions":"read me"}"#
    let opened = machine.receive(Self.message(#"{"jsonrpc":"2.0","id":1,"result":\#(answer)}"#))
    #expect(Self.info(opened) == SessionInfo(revision: .v2026_07_28, instructions: "read me", features: []))
    #expect(Self.written(opened).map { $0.root["method"]?.string } == ["subscriptions/listen"])
  }

  @Test(
    "whatever is no sign of the modern era leads to initialize",
    arguments: [
      #"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}"#,
      #"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid request parameters"}}"#,
      #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"?"}}"#,
      #"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"not initialized"}}"#,
      #"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"v","data":{"supported":["2025-06-18","2099-01-01"]}}}"#,
      #"{"jsonrpc":"2.0","id":1,"result":{}}"#,
      #"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2025-11-25"]}}"#,
      #"{"jsonrpc":"2.0","id":1,"result":5}"#,
    ])
  func fallback(answer: String) {
    var machine = Self.machine()
    _ = machine.start(now: Self.start)
    #expect(Self.methods(machine.receive(Self.message(answer))) == ["initialize"])
  }

  @Test(
    "a recognised modern refusal is not answered with initialize, and says why",
    arguments: [
      (#"{"code":-32022,"message":"v","data":{"supported":["2099-01-01"]}}"#, "it speaks only 2099-01-01, and Weir none of these"),
      (#"{"code":-32021,"message":"need\u0000 more"}"#, "it refused server/discover with error -32021: need  more"),
    ])
  func modernRefusal(error: String, reason: String) {
    var machine = Self.machine()
    _ = machine.start(now: Self.start)
    #expect(Self.failure(machine.receive(Self.message(#"{"jsonrpc":"2.0","id":1,"error":\#(error)}"#))) == reason)
  }

  @Test("silence leads to initialize after the probe's time, and to failure after the whole time")
  func silence() {
    var machine = Self.machine()
    _ = machine.start(now: Self.start)
    #expect(machine.nextTimeout == Self.start + .seconds(10))
    #expect(machine.expire(now: Self.start + .seconds(9)).isEmpty)
    #expect(Self.methods(machine.expire(now: Self.start + .seconds(10))) == ["initialize"])
    #expect(machine.nextTimeout == Self.start + .seconds(30))
    #expect(Self.failure(machine.expire(now: Self.start + .seconds(30))) == "it did not answer within 30 s of its start")
    #expect(machine.nextTimeout == nil)
  }

  @Test("an answer to server/discover that comes after initialize was sent is dropped")
  func lateProbeAnswer() {
    var machine = Self.machine()
    _ = machine.start(now: Self.start)
    _ = machine.expire(now: Self.start + .seconds(10))
    #expect(machine.receive(Self.message(#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"m"}}"#)).isEmpty)
    #expect(machine.unknownResponses == 1)
    let opened = machine.receive(Self.message(#"{"jsonrpc":"2.0","id":2,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}}}}"#))
    #expect(Self.methods(opened) == ["notifications/initialized"])
  }

  @Test("every legacy revision is accepted", arguments: ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"])
  func revisions(version: String) {
    var machine = Self.machine(.legacy)
    _ = machine.start(now: Self.start)
    let opened = machine.receive(
      Self.message(#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"\#(version)","capabilities":{"tools":{}},"instructions":"i"}}"#))
    #expect(Self.info(opened)?.revision.rawValue == version)
    #expect(Self.info(opened)?.instructions == "i")
    #expect(Self.methods(opened) == ["notifications/initialized"])
  }

  @Test(
    "other answers to initialize fail with a reason",
    arguments: [
      (#""result":{"protocolVersion":"2026-07-28","capabilities":{}}"#, "it answered initialize with the protocol version 2026-07-28"),
      (#""result":{"protocolVersion":7}"#, "it answered initialize with the protocol version that is no text"),
      (#""result":{}"#, "its answer to initialize has no protocolVersion"),
      (#""error":{"code":-32000,"message":"busy"}"#, "it refused initialize with error -32000: busy"),
    ])
  func badInitialize(member: String, reason: String) {
    var machine = Self.machine(.legacy)
    _ = machine.start(now: Self.start)
    #expect(Self.failure(machine.receive(Self.message(#"{"jsonrpc":"2.0","id":1,\#(member)}"#))) == reason)
  }

  @Test("modern only: a legacy server is refused")
  func modernOnly() {
    var machine = Self.machine(.modern)
    _ = machine.start(now: Self.start)
    let actions = machine.receive(Self.message(#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"m"}}"#))
    #expect(Self.failure(actions)?.contains("the only revision allowed") == true)
  }

  @Test("ids rise by one and answers find their callers in any order, once")
  func ids() {
    var machine = Self.open()
    let ids = [machine.nextID(), machine.nextID()]
    #expect(ids == [2, 3])
    var sent: [SessionAction] = []
    for id in ids { sent += machine.send(Self.request(), id: id) }
    #expect(Self.written(sent).map { $0.root["id"]?.int } == [2, 3])
    let second = Self.finished(machine.receive(Self.message(#"{"jsonrpc":"2.0","id":3,"result":{"n": 1.50}}"#)))
    #expect(second.map(\.id) == [3])
    #expect(second.first?.raw == #"{"n": 1.50}"#)
    #expect(machine.inFlight == 1)
    for text in [#"{"jsonrpc":"2.0","id":3,"result":{}}"#, #"{"jsonrpc":"2.0","id":"2","result":{}}"#, #"{"jsonrpc":"2.0","id":99,"result":{}}"#] {
      #expect(machine.receive(Self.message(text)).isEmpty)
    }
    #expect(machine.unknownResponses == 3)
    #expect(Self.finished(machine.receive(Self.message(#"{"jsonrpc":"2.0","id":2,"result":{}}"#))).map(\.id) == [2])
  }

  @Test("an error of the server keeps its code and data, and its text in one line")
  func errors() {
    var machine = Self.open()
    _ = machine.send(Self.request(), id: machine.nextID())
    let text = #"{"jsonrpc":"2.0","id":2,"error":{"code":-32050,"message":"a\nb\u001b[31m Bearer abcdef0123456789","data":{"x":1}}}"#
    let error = Self.finished(machine.receive(Self.message(text))).first?.error
    #expect(error?.reason == .upstreamError)
    #expect(error?.upstreamCode == -32050)
    #expect(error?.upstreamData == Array(#"{"x":1}"#.utf8))
    #expect(error?.message == "upstream up answered with error -32050: a b [31m Bearer ***")
  }

  @Test(
    "params keep their bytes and get the _meta that the era wants",
    arguments: [
      (.legacy, #"{"name":"t", "arguments":{"n":1.0}}"#, nil, false, #"{"name":"t", "arguments":{"n":1.0}}"#),
      (.legacy, "{}", nil, true, #"{"_meta":{"progressToken":2}}"#),
      (.legacy, #"{"a":1}"#, #"{"traceparent":"00-1","progressToken":9}"#, false, #"{"a":1,"_meta":{"traceparent":"00-1"}}"#),
      (.legacy, #"{"a":1} "#, #"{"x/y":[1]}"#, true, #"{"a":1,"_meta":{"progressToken":2,"x/y":[1]}}"#),
      (
        .modern, #"{"a":1}"#, #"{"io.modelcontextprotocol/clientInfo":{"name":"caller"},"t":1}"#, false,
        #"{"a":1,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"weir","version":"0"},"io.modelcontextprotocol/clientCapabilities":{},"t":1}}"#
      ),
    ] as [(ProtocolEra, String, String?, Bool, String)])
  func envelopes(era: ProtocolEra, params: String, meta: String?, progress: Bool, expected: String) throws {
    var machine = Self.open(era)
    let actions = machine.send(Self.request(params, meta: meta, progress: progress), id: machine.nextID())
    let sent = try #require(Self.written(actions).first?.root["params"])
    #expect(String(decoding: sent.raw, as: UTF8.self) == expected)
  }

  @Test("params that are no object never leave", arguments: ["", "[]", "1", "{", "}"])
  func badParams(params: String) {
    var machine = Self.open()
    let actions = machine.send(Self.request(params), id: machine.nextID())
    #expect(Self.written(actions).isEmpty)
    #expect(Self.finished(actions).first?.error?.reason == .invalidParams)
    #expect(machine.inFlight == 0)
  }

  @Test("of a flood of progress 20 reports pass at once and 20 a second after that, the newest (issue 2)")
  func progressFlood() throws {
    var machine = Self.open(.legacy)
    let id = machine.nextID()
    _ = machine.send(Self.request(progress: true), id: id)
    let start = Moment.zero + .seconds(100)
    var heard: [Int] = []
    for value in 1...2000 {
      let text = #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":\#(id),"progress":\#(value)}}"#
      let actions = machine.receive(Self.message(text), now: start + .milliseconds(value))
      if !actions.isEmpty { heard.append(value) }
    }
    #expect(Array(heard.prefix(20)) == Array(1...20))
    // Two seconds: 20 at once and 40 more.
    #expect((58...60).contains(heard.count))
    #expect((heard.last ?? 0) > 1900)
  }

  @Test("progress reaches the call with that token, rising only, without the token, until the call ends")
  func progress() {
    var machine = Self.open()
    _ = machine.send(Self.request(progress: true), id: machine.nextID())
    _ = machine.send(Self.request(), id: machine.nextID())
    let report = { (token: String, value: String) in
      #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":\#(token),"progress":\#(value),"total":9}}"#
    }
    var heard: [String] = []
    for (token, value) in [("2", "1"), ("2", "1"), ("2", "0.5"), ("3", "5"), ("\"2\"", "6"), ("77", "7"), ("2", "\"x\""), ("2", "2.5")] {
      for case .progress(let id, let progress) in machine.receive(Self.message(report(token, value))) {
        heard.append("\(id) " + String(decoding: progress.params, as: UTF8.self))
      }
    }
    #expect(heard == [#"2 {"progress":1,"total":9}"#, #"2 {"progress":2.5,"total":9}"#])
    _ = machine.receive(Self.message(#"{"jsonrpc":"2.0","id":2,"result":{}}"#))
    #expect(machine.receive(Self.message(report("2", "8"))).isEmpty)
  }

  @Test(
    "a call that is cancelled ends at once, the server is told, and its late answer is dropped", arguments: [CallError.Reason.cancelled, .timedOut])
  func cancel(reason: CallError.Reason) {
    var machine = Self.open()
    _ = machine.send(Self.request(), id: machine.nextID())
    let actions = machine.cancel(2, with: CallError(reason, "gone"))
    #expect(Self.methods(actions) == ["notifications/cancelled"])
    #expect(Self.written(actions).first?.root["params"]?["requestId"]?.int == 2)
    #expect(Self.finished(actions).first?.error?.reason == reason)
    #expect(machine.cancel(2, with: CallError(.cancelled, "again")).isEmpty)
    #expect(machine.receive(Self.message(#"{"jsonrpc":"2.0","id":2,"result":{}}"#)).isEmpty)
    #expect(machine.unknownResponses == 1)
  }

  @Test("a server that asks gets a pong, and a refusal for what Weir never offered; a modern one nothing")
  func serverRequests() {
    var machine = Self.open()
    let pong = Self.written(machine.receive(Self.message(#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#)))
    #expect(pong.map { String(decoding: $0.bytes, as: UTF8.self) } == [#"{"jsonrpc":"2.0","id":"a","result":{}}"#])
    let refusal = Self.written(machine.receive(Self.message(#"{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{}}"#)))
    #expect(refusal.first?.root["id"]?.int == 5)
    #expect(refusal.first?.root["error"]?["code"]?.int == -32601)
    var modern = Self.open(.modern)
    #expect(modern.receive(Self.message(#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#)).isEmpty)
    #expect(modern.invalidMessages == 1)
  }

  @Test("changes of the tools and log messages are told apart, without the content")
  func notifications() {
    var machine = Self.open()
    let changed = machine.receive(Self.message(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#))
    guard case .changed(.tools)? = changed.first else { return #expect(Bool(false), "no change was noticed") }
    let logged = machine.receive(Self.message(#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"secret"}}"#))
    guard case .serverLog(let level, _)? = logged.first else { return #expect(Bool(false), "no log was noticed") }
    #expect(level == "error")
    #expect(machine.receive(Self.message(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#)).isEmpty)
  }

  @Test(
    "what is no message harms nobody but the call it names, or the only one there is",
    arguments: [
      ("Listening on port 80", 2, [Int]()),
      ("[]", 2, []),
      (#"{"jsonrpc":"2.0"}"#, 2, []),
      (#"{"jsonrpc":"2.0","id":3,"result":{},"error":{}}"#, 2, [3]),
      (#"{"jsonrpc":"1.0","id":2,"result":{}}"#, 2, [2]),
      (#"{"jsonrpc":"2.0","id":2,"result":[]}"#, 2, [2]),
      (#"{"jsonrpc":"2.0","id":2,"result":{"a":1,"a":2}}"#, 2, []),
      (#"{"jsonrpc":"2.0","id":2,"result":{"a":1,"a":2}}"#, 1, [2]),
      ("banner", 1, []),
    ])
  func garbage(line: String, inFlight: Int, failed: [Int]) {
    var machine = Self.open()
    for _ in 0..<inFlight { _ = machine.send(Self.request(), id: machine.nextID()) }
    let finished = Self.finished(machine.receive(Self.message(line)))
    #expect(finished.map(\.id) == failed)
    #expect(finished.allSatisfy { $0.error?.reason == .upstreamInvalid })
    #expect(machine.inFlight == inFlight - failed.count)
    #expect(machine.invalidMessages == 1)
  }

  @Test("a lost channel names the calls in flight, once, and nothing is sent after that")
  func close() {
    var machine = Self.open()
    for _ in 0..<3 { _ = machine.send(Self.request(), id: machine.nextID()) }
    #expect(machine.close(reason: "gone") == [2, 3, 4])
    #expect(machine.close(reason: "gone").isEmpty)
    #expect(Self.finished(machine.send(Self.request(), id: machine.nextID())).first?.error?.reason == .upstreamDown)
    #expect(machine.receive(Self.message(#"{"jsonrpc":"2.0","id":2,"result":{}}"#)).isEmpty)
  }
}

extension SessionMachine {
  /// Where the time does not matter.
  fileprivate mutating func receive(_ message: IncomingMessage) -> [SessionAction] { receive(message, now: .zero) }
}
