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
}
