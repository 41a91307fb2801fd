import NIOConcurrencyHelpers
import Testing
import WeirCore
import WeirJSON
import WeirMCP

@testable import WeirUpstream

@Suite("A session over HTTP+SSE, decided")
struct ChannelMachineTests {
  private typealias Machine = ChannelMachine<String>

  private static func message(_ text: String) -> IncomingMessage { IncomingMessage(reading: Array(text.utf8), maxBytes: 1 << 20) }
  private static func result(_ id: String) -> IncomingMessage { message(#"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#) }

  /// Open, with these requests under way and waited for by `w<id>`.
  private static func machine(_ ids: Int...) -> Machine {
    var machine = Machine()
    machine.named("http://h/m")
    for id in ids {
      _ = machine.expect(id, progress: ProgressFilter(id: id, sink: nil), peer: nil)
      _ = machine.park(id, "w\(id)")
    }
    return machine
  }

  private static func tell(_ machine: inout Machine, _ messages: IncomingMessage...) -> [String] { messages.map { told(machine.receive($0)) } }

  private static func told(_ receipt: Machine.Receipt) -> String {
    switch receipt {
    case .answer(let waiter, .success): "answer to \(waiter ?? "nobody yet")"
    case .answer(let waiter, .failure): "failure to \(waiter ?? "nobody yet")"
    case .other: "other"
    case .unknown: "unknown"
    case .invalid(let waiter, _): "invalid for \(waiter ?? "nobody")"
    case .fatal(let refusal): "fatal: \(refusal.reason)"
    case .ignored: "ignored"
    }
  }

  @Test(
    "every message is somebody's, or nobody's",
    arguments: [
      (#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "answer to w1"), (#"{"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"m"}}"#, "answer to w2"),
      (#"{"jsonrpc":"2.0","id":3,"result":{}}"#, "unknown"), (#"{"jsonrpc":"2.0","id":"1","result":{}}"#, "unknown"),
      (#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}"#, "unknown"), (#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "other"),
      (#"{"jsonrpc":"2.0","method":"m"}"#, "other"), (#"{"jsonrpc":"2.0","id":1,"result":7}"#, "invalid for w1"),
      (#"{"jsonrpc":"2.0","id":1,"method":7}"#, "invalid for nobody"), ("[1]", "invalid for nobody"), ("{nonsense", "invalid for nobody"),
    ])
  func sorts(text: String, expected: String) {
    var machine = Self.machine(1, 2)
    let told = Self.tell(&machine, Self.message(text))
    #expect(told == [expected])
  }

  @Test("no answer counts twice, whether its request is parked, not yet, or gone")
  func twice() {
    var machine = Self.machine(1)
    let parked = Self.tell(&machine, Self.result("1"), Self.result("1"))
    #expect(parked == ["answer to w1", "unknown"])
    _ = machine.expect(2, progress: ProgressFilter(id: 2, sink: nil), peer: nil)
    let early = Self.tell(&machine, Self.result("2"), Self.result("2"))
    #expect(early == ["answer to nobody yet", "unknown"])
    guard case .success? = machine.park(2, "w2") else { return _ = Issue.record("the answer that came early is lost") }
    _ = machine.expect(3, progress: ProgressFilter(id: 3, sink: nil), peer: nil)
    _ = machine.forget(3)
    let gone = Self.tell(&machine, Self.result("2"), Self.result("3"))
    #expect(gone == ["unknown", "unknown"])
  }

  @Test("what is no JSON fails the only request under way, if it looks like a message, and no request of several")
  func unreadable() {
    var alone = Self.machine(1)
    let told = Self.tell(&alone, Self.message("hello"), Self.message("{hello"), Self.result("1"))
    #expect(told == ["invalid for nobody", "invalid for w1", "unknown"])
  }

  @Test("a stream that begins with a message is of no use, and what comes after the end is nothing")
  func phases() {
    var machine = Machine()
    let first = Self.tell(&machine, Self.result("1"))
    #expect(first == ["fatal: its event stream does not begin with an endpoint"])
    let nobody = machine.end(.cutOff)
    #expect(nobody.isEmpty)
    let late = Self.tell(&machine, Self.result("1"))
    #expect(late == ["ignored"])
    let isTaken = machine.expect(1, progress: ProgressFilter(id: 1, sink: nil), peer: nil)
    #expect(!isTaken)
    machine.named("http://h/m")
    guard case .ended = machine.phase else { return _ = Issue.record("an ended stream was opened") }
  }

  @Test("the end of the stream is told to all who wait once, and found by who comes to wait")
  func ends() {
    var machine = Self.machine(1, 2)
    _ = machine.expect(3, progress: ProgressFilter(id: 3, sink: nil), peer: nil)
    let told = machine.end(.invalid("too large")).map(\.waiter).sorted()
    #expect(told == ["w1", "w2"])
    let again = machine.end(.cutOff)
    #expect(again.isEmpty)
    guard case .failure(.cutOff)? = machine.park(3, "w3") else { return _ = Issue.record("the end was missed") }
    var alone = Self.machine(1)
    guard case .failure(.invalid("too large"))? = alone.end(.invalid("too large")).first?.outcome else {
      return _ = Issue.record("what broke the stream was the only answer that was waited for")
    }
  }

  @Test("progress goes to the request whose token it names while that is under way")
  func progress() throws {
    let heard = NIOLockedValueBox(0)
    var machine = Machine()
    machine.named("http://h/m")
    _ = machine.expect(5, progress: ProgressFilter(id: 5, sink: { _ in heard.withLockedValue { $0 += 1 } }), peer: nil)
    for text in [#"{"progressToken":5,"progress":1}"#, #"{"progressToken":5,"progress":1}"#, #"{"progressToken":6,"progress":2}"#, "{}"] {
      machine.progressed(try JSONDocument(parsing: Array(text.utf8)).root, now: .zero)?()
    }
    #expect(heard.withLockedValue { $0 } == 1)
  }

  @Test(
    "an endpoint is resolved against the URL of the stream",
    arguments: [
      ("/m?s=1", "http://h:80/m?s=1"), ("m?s=1", "http://h:80/a/m?s=1"), ("?s=1", "http://h:80/a/sse?s=1"), ("http://H/m", "http://h:80/m"),
      ("HTTP://h:80?s=1", "http://h:80/?s=1"), ("//h/m#x", "http://h:80/m"), ("/m?u=http://x/y", "http://h:80/m?u=http://x/y"),
      ("https://h/m", nil), ("http://h:81/m", nil), ("http://g/m", nil), ("//g/m", nil), ("http://u@h/m", nil), ("http://h@g/m", nil),
      ("http://", nil), ("http:/m", nil), ("javascript:x", nil), ("", nil), ("#x", nil), ("/m n", nil), ("/é", nil), ("\\\\g/m", nil),
      ("http://h\\@g/m", nil), ("http://h:99999/m", nil), ("http://[::1]/m", nil),
    ] as [(String, String?)])
  func endpoints(reference: String, expected: String?) {
    #expect((try? EndpointReference.resolve(Array(reference.utf8), against: "http://h:80/a/sse?x=1")) == expected)
  }

  @Test("the origin is that of the configured URL, an address in brackets too")
  func origins() throws {
    #expect(try EndpointReference.resolve(Array("https://[::1]/m".utf8), against: "https://[::1]:443/sse") == "https://[::1]:443/m")
    #expect(try EndpointReference.resolve(Array("m".utf8), against: "https://h") == "https://h/m")
    #expect(throws: HTTPRefusal.self) { try EndpointReference.resolve(Array("https://[::2]/m".utf8), against: "https://[::1]/sse") }
  }

  @Test("what the configuration leaves open is decided by what worked, while that is fresh")
  func openings() {
    let now = Moment.zero + .seconds(100)
    let known = { (era: ProtocolEra, usesStream: Bool, left: Int) in
      HTTPOpening.Known(era: era, usesStream: usesStream, until: now + .seconds(left))
    }
    #expect(HTTPOpening.first(.auto, .auto, known: nil, now: now) == .discover)
    #expect(HTTPOpening.first(.auto, .auto, known: known(.legacy, true, 1), now: now) == .stream)
    #expect(HTTPOpening.first(.auto, .auto, known: known(.legacy, true, 0), now: now) == .discover)
    #expect(HTTPOpening.first(.auto, .auto, known: known(.legacy, false, 1), now: now) == .initialize)
    #expect(HTTPOpening.first(.auto, .auto, known: known(.modern, false, 1), now: now) == .discover)
    #expect(HTTPOpening.first(.auto, .streamable, known: known(.legacy, true, 1), now: now) == .initialize)
    #expect(HTTPOpening.first(.legacy, .auto, known: nil, now: now) == .initialize)
    #expect(HTTPOpening.first(.legacy, .sse, known: nil, now: now) == .stream)
    #expect(HTTPOpening.first(.modern, .auto, known: known(.legacy, true, 1), now: now) == .discover)
  }
}
