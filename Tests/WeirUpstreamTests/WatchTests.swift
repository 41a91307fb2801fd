import Testing
import WeirCore
import WeirJSON
import WeirMCP

@testable import WeirUpstream

@Suite("What a process is asked to tell unasked (issue 4)")
struct WatchTests {
  private static let legacy =
    #"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":{"subscribe":true}}}}"#
  private static let modern =
    #"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}}"#

  private static func machine(_ opening: SessionMachine.Opening) -> SessionMachine {
    var machine = SessionMachine(configuration: UpstreamConfiguration(name: "up"), opening: opening)
    _ = machine.start(now: .zero)
    return machine
  }

  private static func receive(_ text: String, _ machine: inout SessionMachine) -> [SessionAction] {
    machine.receive(IncomingMessage(reading: Array(text.utf8), maxBytes: 10_000, redactor: .patterns), now: .zero)
  }

  /// Methods and the resources that they name.
  private static func written(_ actions: [SessionAction]) -> [String] {
    actions.compactMap { action in
      guard case .write(let bytes) = action, let root = try? JSONDocument(parsing: bytes).root, let method = root["method"]?.string else {
        return nil
      }
      let uris = root["params"]?["notifications"]?["resourceSubscriptions"]?.elements.compactMap(\.string) ?? []
      let uri = root["params"]?["uri"]?.string
      return ([method] + uris + [uri].compactMap { $0 }).joined(separator: " ")
    }
  }

  @Test("a process of the handshake era is told what is wanted new and what no more")
  func subscriptions() {
    var machine = Self.machine(.legacy)
    #expect(Self.written(machine.watch(["a:1"])) == [], "before the session is open")
    #expect(Self.written(Self.receive(Self.legacy, &machine)) == ["notifications/initialized", "resources/subscribe a:1"])
    #expect(Self.written(machine.watch(["a:2", "a:1"])) == ["resources/subscribe a:2"])
    #expect(Self.written(machine.watch(["a:2", "a:1"])) == [])
    #expect(Self.written(machine.watch([])) == ["resources/unsubscribe a:1", "resources/unsubscribe a:2"])
  }

  private static let acknowledged =
    #"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{}}}"#

  @Test("a modern process is listened to at once, and anew where other resources are watched, never faster than it acknowledges")
  func listening() {
    var machine = Self.machine(.modern)
    #expect(Self.written(Self.receive(Self.modern, &machine)) == ["subscriptions/listen"])
    for number in 0..<100 { #expect(machine.watch([Name("a:\(number)")]).isEmpty, "the first was not acknowledged") }
    #expect(Self.written(Self.receive(Self.acknowledged, &machine)) == ["subscriptions/listen a:99", "notifications/cancelled"])
    #expect(Self.receive(Self.acknowledged, &machine).isEmpty)
    #expect(Self.written(machine.watch(["a:1"])) == ["subscriptions/listen a:1", "notifications/cancelled"])
  }

  @Test("issue 4: a process that does not answer is not asked for more and more resources")
  func slow() {
    var machine = Self.machine(.legacy)
    _ = Self.receive(Self.legacy, &machine)
    #expect(machine.watch(Set((0..<100).map { Name("a:\($0)") })).count == 16)
    #expect(Self.written(Self.receive(#"{"jsonrpc":"2.0","id":2,"result":{}}"#, &machine)) == ["resources/subscribe a:23"])
  }

  @Test(
    "answers to errands are no calls' and no faults",
    arguments: [
      #"{"jsonrpc":"2.0","id":2,"result":{"resultType":"complete"}}"#, #"{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"no"}}"#,
    ])
  func answers(text: String) {
    var machine = Self.machine(.modern)
    _ = Self.receive(Self.modern, &machine)
    #expect(Self.receive(text, &machine).isEmpty)
    #expect(machine.unknownResponses == 0)
    #expect(machine.inFlight == 0)
    #expect(Self.receive(text, &machine).isEmpty)
    #expect(machine.unknownResponses == 1, "the second answer is one to nothing")
  }

  private static func moment(_ seconds: Int) -> Moment { .zero + .seconds(seconds) }

  @Test(
    "issue 4: a process that ends what it was asked to tell is listened to again after a pause, and what it may have said meanwhile is looked at",
    arguments: [
      #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#,
      #"{"jsonrpc":"2.0","id":2,"result":{"resultType":"complete"}}"#,
    ])
  func endedByTheServer(text: String) {
    var machine = Self.machine(.modern)
    _ = machine.watch(["a:1"])
    _ = Self.receive(Self.modern, &machine)
    _ = Self.receive(Self.acknowledged, &machine)
    #expect(machine.nextTimeout == nil)
    #expect(Self.receive(text, &machine).isEmpty)
    #expect(machine.nextTimeout == Self.moment(1))
    #expect(machine.watch(["a:1", "a:2"]).isEmpty, "not before the pause is over")
    #expect(machine.expire(now: .zero).isEmpty)
    let actions = machine.expire(now: Self.moment(1))
    #expect(Self.written(actions) == ["subscriptions/listen a:1 a:2"])
    #expect(actions.contains { if case .changed([]) = $0 { true } else { false } }, "the lists")
    #expect(actions.compactMap { action -> Name? in if case .resourceUpdated(let uri) = action { uri } else { nil } } == ["a:1", "a:2"])
    #expect(machine.nextTimeout == nil)
    #expect(Self.receive(text, &machine).isEmpty && machine.nextTimeout == nil, "of the request before")
  }

  @Test("issue 4: who ends it again and again is asked less and less, who has not begun not at all")
  func endsWithoutEnd() {
    var machine = Self.machine(.modern)
    _ = Self.receive(Self.modern, &machine)
    for pause in [1, 2, 4, 8, 16, 30, 30] {
      _ = Self.receive(Self.acknowledged, &machine)
      let id = Self.lastID(&machine)
      _ = Self.receive(#"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#, &machine)
      #expect(machine.nextTimeout == Self.moment(pause))
      _ = machine.expire(now: Self.moment(pause))
    }
    let id = Self.lastID(&machine)
    _ = Self.receive(#"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#, &machine)
    #expect(machine.nextTimeout == nil)
  }

  /// The id of the request that was written last.
  private static func lastID(_ machine: inout SessionMachine) -> Int {
    var copy = machine
    return copy.nextID() - 1
  }
}
