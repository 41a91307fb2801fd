import NIOConcurrencyHelpers
import Testing
import WeirCore

@testable import WeirUpstream

@Suite("Whom a session without names speaks to (issue 4)")
struct WaitingPeersTests {
  /// Writes down what happens to it, under its name.
  private struct Witness: ClientPeer {
    let name: String
    let record: NIOLockedValueBox<[String]>

    private func note(_ what: String) { record.withLockedValue { $0.append("\(name) \(what)") } }

    func notify(_ method: String, _ params: [UInt8]?) { note("told") }
    func pause() { note("paused") }
    func resume() { note("resumed") }

    func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8] {
      note("asked")
      if method == "refuse" { throw ClientRefusal(code: 1, message: "no") }
      return Array(name.utf8)
    }
  }

  struct Row: Sendable {
    let calls: [String]
    let method: String
    let told: String
    let record: [String]
  }

  @Test(
    "the call that was sent last asks, and no other call's time counts meanwhile",
    arguments: [
      Row(calls: [], method: "ask", told: "home told", record: ["home asked"]),
      Row(calls: ["a"], method: "ask", told: "a told", record: ["a asked"]),
      Row(calls: ["a", "b", "c"], method: "ask", told: "home told", record: ["a paused", "b paused", "c asked", "a resumed", "b resumed"]),
      Row(calls: ["a", "b"], method: "refuse", told: "home told", record: ["a paused", "b asked", "a resumed"]),
    ])
  func chosen(_ row: Row) async {
    let record = NIOLockedValueBox<[String]>([])
    let peers = WaitingPeers(home: Witness(name: "home", record: record), calls: row.calls.map { Witness(name: $0, record: record) })
    _ = try? await peers.ask(row.method, nil)
    #expect(record.withLockedValue { $0 } == row.record)
    peers.notify("notifications/message", nil)
    #expect(record.withLockedValue { $0.last } == row.told)
  }
}
