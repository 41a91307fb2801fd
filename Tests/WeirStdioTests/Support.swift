import Testing
import WeirJSON
import WeirMCP

@testable import WeirStdio

typealias Action = BridgeMachine.Action
typealias Outgoing = BridgeMachine.Outgoing

/// What a client writes.
enum Line {
  static let initialize = #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#
  static let initialized = #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#
  static let response = #"{"jsonrpc":"2.0","id":"q","result":{}}"#

  static func legacy(_ id: Int, _ method: String = "tools/list") -> String { #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)"}"# }

  static func modern(_ id: Int, _ method: String, _ members: String = "") -> String {
    let meta = #""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#
    return #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":{\#(members)\#(members.isEmpty ? "" : ",")\#(meta)}}"#
  }

  static func cancel(_ id: Int) -> String { #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":\#(id)}}"# }
}

extension BridgeMachine {
  mutating func hear(_ line: String) throws -> [Action] {
    let (message, faults) = ClientMessage.read(Array(line.utf8))
    if let fault = faults.first { throw fault }
    return try message.map { received($0) } ?? { throw NoAnswer() }()
  }

  /// A result for what left.
  mutating func answer(_ outgoing: Outgoing, _ result: String = "{}", session: String? = nil) throws -> (line: String?, actions: [Action]) {
    let id = try #require(outgoing.message.id)
    let bytes = RPCWriter.result(id: id, Array(result.utf8))
    guard case .answer(var answer) = ServerMessage(reading: bytes, for: id, maxBytes: 1 << 20) else { throw NoAnswer() }
    answer.session = session
    return settle(outgoing, .answered(answer))
  }

  mutating func settle(_ outgoing: Outgoing, _ outcome: Outcome) -> (line: String?, actions: [Action]) {
    let (line, actions) = posted(outgoing.number, outcome)
    return (line.map { String(decoding: $0, as: UTF8.self) }, actions + finished(outgoing.number))
  }

  /// A machine whose client has opened a session, and the number of its listener.
  static func opened(session: String? = "s1", revision: String = "2025-11-25") throws -> (machine: BridgeMachine, listening: Listening) {
    var machine = BridgeMachine()
    let opening = try #require(try machine.hear(Line.initialize).posts.first)
    _ = try machine.answer(opening, #"{"protocolVersion":"\#(revision)"}"#, session: session)
    let ready = try #require(try machine.hear(Line.initialized).posts.first)
    let listening = machine.settle(ready, .accepted).actions.compactMap { if case .listen(let listening) = $0 { listening } else { nil } }
    return (machine, try #require(listening.first))
  }
}

struct NoAnswer: Error {}

extension [Action] {
  var posts: [Outgoing] { compactMap { if case .post(let outgoing) = $0 { outgoing } else { nil } } }
  var closed: [Int] { compactMap { if case .close(let number) = $0 { number } else { nil } } }
  var written: [String] { compactMap { if case .write(let line) = $0 { String(decoding: line, as: UTF8.self) } else { nil } } }
  var ends: Bool { contains { if case .end = $0 { true } else { false } } }
  var graces: [Duration] { compactMap { if case .endAfter(let grace) = $0 { grace } else { nil } } }
}

extension Outgoing {
  func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
  var text: String { String(decoding: message.line, as: UTF8.self) }
}
