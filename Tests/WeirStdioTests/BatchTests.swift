import Testing
import WeirMCP

@testable import WeirStdio

@Suite("A batch of a client")
struct BatchTests {
  private static let notification = #"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#

  private static func array(_ lines: String...) -> String { "[\(lines.joined(separator: ","))]" }

  private static func opened() throws -> BridgeMachine { try BridgeMachine.opened(revision: "2025-03-26").machine }

  /// The server's answers to the ids, as they are read for `ids`.
  private static func answers(_ text: String, for ids: [Int]) -> [ServerAnswer] {
    ServerMessage.all(reading: Array(text.utf8), for: ids.map { RPCID($0) }, maxBytes: 1 << 20).compactMap {
      if case .answer(let answer) = $0 { answer } else { nil }
    }
  }

  private static func result(_ id: Int) -> String { #"{"jsonrpc":"2.0","id":\#(id),"result":{}}"# }

  @Test("leaves as it came, and each answer is a line of its own in the order of the server")
  func passes() throws {
    var machine = try Self.opened()
    let line = " [ \(Line.legacy(1)), \(Self.notification),\(Line.legacy(2, "ping")) ] "
    let posts = try machine.hear(line).posts
    #expect(posts.map(\.text) == [line] && posts[0].role == .batch && posts[0].header("mcp-session-id") == "s1")
    let lines = Self.answers(Self.array(Self.result(2), Self.result(1)), for: [1, 2]).map { machine.partly(posts[0].number, $0).line }
    #expect(lines.map { $0.map { String(decoding: $0, as: UTF8.self) } } == [Self.result(2), Self.result(1)])
    let (last, actions) = machine.settle(posts[0], .accepted)
    #expect(last == nil && actions.written.isEmpty)
    #expect(try machine.hear(line).posts.count == 1)
  }

  @Test(
    "that is not for this session gets an error for each of its requests, or one without id",
    arguments: [
      ("2025-11-25", array(Line.legacy(1), Line.legacy(2)), 2), ("2025-06-18", array(notification), 1), ("2024-11-05", array(Line.legacy(1)), 1),
      ("2025-03-26", array(Line.legacy(1), Line.initialize), 2), ("2025-03-26", array(Line.modern(1, "tools/list")), 1),
      ("2025-03-26", array(Line.legacy(1), Line.legacy(1)), 1), ("2025-03-26", array(Line.legacy(7), Line.legacy(1)), 1),
    ])
  func refused(revision: String, line: String, errors: Int) throws {
    var machine = try BridgeMachine.opened(revision: revision).machine
    _ = try machine.hear(Line.legacy(7))
    let actions = try machine.hear(line)
    #expect(actions.posts.isEmpty && actions.written.count == errors)
    #expect(actions.written.allSatisfy { $0.contains("-32600") && !$0.contains(#""id":7"#) })
  }

  @Test("before a session is refused")
  func early() throws {
    var machine = BridgeMachine()
    #expect(try machine.hear(Self.array(Line.legacy(1))).written.count == 1)
    _ = try machine.hear(Line.initialize)
    #expect(try machine.hear(Self.array(Line.legacy(1))).written.count == 1)
  }

  @Test("with what is no message loses that alone")
  func faults() throws {
    let (message, faults) = ClientMessage.read(Array("[1,\(Line.legacy(1)),{\"id\":3},[],\(Self.notification)]".utf8))
    #expect(faults.map(\.id) == [nil, RPCID(3), nil])
    #expect(message.map { String(decoding: $0.line, as: UTF8.self) } == Self.array(Line.legacy(1), Self.notification))
  }

  @Test("of nothing, or of too much, is refused as one", arguments: [0, 257])
  func sizes(count: Int) {
    let line = "[\(Array(repeating: Self.notification, count: count).joined(separator: ","))]"
    let (message, faults) = ClientMessage.read(Array(line.utf8))
    #expect(message == nil && faults.count == 1 && faults[0].error.code == RPCErrorObject.invalidRequest)
  }

  @Test("of notifications keeps its place between others")
  func order() throws {
    var machine = try Self.opened()
    let first = try #require(try machine.hear(Line.response).posts.first)
    let line = Self.array(Self.notification, Self.notification)
    #expect(try machine.hear(line).isEmpty)
    let next = machine.settle(first, .accepted).actions.posts
    #expect(next.map(\.text) == [line] && next[0].role == .ordered)
  }

  @Test("that is not answered, or not whole, gets errors for the rest", arguments: [BridgeMachine.Outcome.accepted, .failed("nobody there")])
  func incomplete(outcome: BridgeMachine.Outcome) throws {
    var machine = try Self.opened()
    let post = try #require(try machine.hear(Self.array(Line.legacy(1), Line.legacy(2), Line.legacy(3))).posts.first)
    for answer in Self.answers(Self.result(2), for: [1, 2, 3]) { #expect(machine.partly(post.number, answer).line != nil) }
    let written = machine.settle(post, outcome).actions.written
    #expect(written.count == 2 && written[0].contains(#""id":1"#) && written[1].contains(#""id":3"#))
  }

  @Test("whose session is forgotten goes out once more, without what was cancelled")
  func reopens() throws {
    var machine = try Self.opened()
    let post = try #require(try machine.hear(Self.array(Line.legacy(1), Line.legacy(2))).posts.first)
    let cancel = try #require(try machine.hear(Line.cancel(1)).posts.first)
    #expect(machine.settle(cancel, .accepted).actions.closed == [cancel.number])
    let replay = try #require(machine.settle(post, .sessionLost).actions.posts.first)
    let ready = try machine.answer(replay, #"{"protocolVersion":"2025-03-26"}"#, session: "s2").actions.posts
    let again = machine.settle(try #require(ready.first), .accepted).actions.posts
    #expect(again.map(\.text) == [Self.array(Line.legacy(2))])
    #expect(machine.settle(try #require(again.first), .sessionLost).actions.written.count == 1)
  }

  @Test("is closed when all of its requests are cancelled")
  func cancels() throws {
    var machine = try Self.opened()
    let post = try #require(try machine.hear(Self.array(Line.legacy(1), Line.legacy(2))).posts.first)
    let first = try #require(try machine.hear(Self.array(Line.cancel(1), Line.cancel(2))).posts.first)
    let second = machine.settle(first, .accepted).actions
    #expect(!second.closed.contains(post.number) && second.posts.map(\.text) == [Line.cancel(2)])
    #expect(machine.settle(second.posts[0], .accepted).actions.closed.contains(post.number))
    #expect(machine.settle(post, .accepted).actions.written.isEmpty)
  }

  @Test("that holds initialized opens the session first")
  func ready() throws {
    var machine = BridgeMachine()
    let opening = try #require(try machine.hear(Line.initialize).posts.first)
    _ = try machine.answer(opening, #"{"protocolVersion":"2025-03-26"}"#, session: "s1")
    let announcing = try machine.hear(Self.array(Line.initialized, Line.legacy(1))).posts
    #expect(announcing.map(\.role) == [.announcing])
    #expect(machine.settle(announcing[0], .accepted).actions.posts.map(\.text) == [Self.array(Line.legacy(1))])
  }

  @Test("that sets the log level sets it in the next session, too")
  func remembers() throws {
    var machine = try Self.opened()
    let level = #"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}"#
    let post = try #require(try machine.hear(Self.array(level)).posts.first)
    for answer in Self.answers(Self.result(1), for: [1]) { _ = machine.partly(post.number, answer) }
    _ = machine.settle(post, .accepted)
    let asked = try #require(try machine.hear(Line.legacy(2)).posts.first)
    let replay = try #require(machine.settle(asked, .sessionLost).actions.posts.first)
    let ready = try machine.answer(replay, #"{"protocolVersion":"2025-03-26"}"#, session: "s2").actions.posts
    #expect(machine.settle(try #require(ready.first), .accepted).actions.posts.map(\.message.method) == ["logging/setLevel"])
  }
}
