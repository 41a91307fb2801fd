import Testing
import WeirJSON
import WeirMCP

@testable import WeirStdio

@Suite("What a client has set in a session that the server forgot")
struct RestoringTests {
  private static func subscribe(_ id: Int, _ uri: String, _ verb: String = "subscribe") -> String {
    #"{"jsonrpc":"2.0","id":\#(id),"method":"resources/\#(verb)","params":{"uri":"\#(uri)","_meta":{"progressToken":1}}}"#
  }

  private static func level(_ id: Int, _ level: String) -> String {
    #"{"jsonrpc":"2.0","id":\#(id),"method":"logging/setLevel","params":{"level":"\#(level)"}}"#
  }

  /// The requests that set up a new session, in their order, and the machine while they are under way.
  private static func reopened(after lines: [String]) throws -> (machine: BridgeMachine, posts: [Outgoing]) {
    var machine = try BridgeMachine.opened().machine
    for line in lines {
      let outgoing = try #require(try machine.hear(line).posts.first)
      _ = try machine.answer(outgoing)
    }
    let posts = try reopen(&machine)
    return (machine, posts)
  }

  /// Loses the session with a request of the id 99, and opens the next one.
  private static func reopen(_ machine: inout BridgeMachine) throws -> [Outgoing] {
    let asked = try #require(try machine.hear(Line.legacy(99)).posts.first)
    let replay = try #require(machine.settle(asked, .sessionLost).actions.posts.first)
    let ready = try machine.answer(replay, #"{"protocolVersion":"2025-11-25"}"#, session: "s2").actions.posts
    return machine.settle(try #require(ready.first), .accepted).actions.posts
  }

  private static func said(_ posts: [Outgoing]) -> [String] {
    posts.map { post in
      [post.message.method, post.message.params?["level"]?.string ?? post.message.params?["uri"]?.string ?? ""].joined(separator: " ")
    }
  }

  @Test(
    "is set again before anything else goes on",
    arguments: [
      ([level(1, "info")], ["logging/setLevel info"]),
      ([level(1, "info"), level(2, "error")], ["logging/setLevel error"]),
      ([subscribe(1, "a:1"), subscribe(2, "a:2")], ["resources/subscribe a:1", "resources/subscribe a:2"]),
      ([subscribe(1, "a:1"), subscribe(2, "a:1")], ["resources/subscribe a:1"]),
      ([subscribe(1, "a:1"), level(2, "info")], ["logging/setLevel info", "resources/subscribe a:1"]),
      ([subscribe(1, "a:1"), subscribe(2, "a:2"), subscribe(3, "a:1", "unsubscribe")], ["resources/subscribe a:2"]),
    ])
  func isSetAgain(lines: [String], expected: [String]) throws {
    var (machine, posts) = try Self.reopened(after: lines)
    #expect(Self.said(posts) == expected)
    #expect(posts.allSatisfy { $0.role == .restoring && $0.header("mcp-session-id") == "s2" && $0.message.params?["_meta"] == nil })
    #expect(try machine.hear(Line.legacy(5, "ping")).isEmpty)
    var last: [Outgoing] = []
    for post in posts {
      #expect(last.isEmpty)
      let (line, actions) = try machine.answer(post)
      #expect(line == nil)
      last = actions.posts
    }
    #expect(last.map(\.text) == [Line.legacy(99), Line.legacy(5, "ping")])
  }

  @Test("nothing set is nothing to wait for")
  func nothing() throws {
    #expect(try Self.reopened(after: [Line.legacy(1)]).posts.map(\.text) == [Line.legacy(99)])
  }

  @Test("what the server has refused is not set again")
  func refused() throws {
    var machine = try BridgeMachine.opened().machine
    let asked = try #require(try machine.hear(Self.subscribe(1, "a:1")).posts.first)
    let error = RPCWriter.error(id: RPCID(1), RPCErrorObject(code: -32002, message: "none"))
    guard case .answer(let answer) = ServerMessage(reading: error, for: RPCID(1), maxBytes: 1000) else { throw NoAnswer() }
    _ = machine.settle(asked, .answered(answer))
    #expect(try Self.reopen(&machine).map(\.text) == [Line.legacy(99)])
  }

  @Test("a new session that refuses it is used all the same, and people are told")
  func refusedAgain() throws {
    var (machine, posts) = try Self.reopened(after: [Self.subscribe(1, "a:1")])
    let actions = machine.settle(try #require(posts.first), .failed("no")).actions
    #expect(actions.posts.map(\.text) == [Line.legacy(99)])
    #expect(actions.contains { if case .note(let text) = $0 { text.contains("does not take 1") } else { false } })
  }

  @Test("a new session that is forgotten meanwhile is an error for who waits")
  func lostAgain() throws {
    var (machine, posts) = try Self.reopened(after: [Self.subscribe(1, "a:1")])
    let actions = machine.settle(try #require(posts.first), .sessionLost).actions
    #expect(actions.written.count == 1 && actions.written[0].contains(#""id":99"#))
    #expect(try machine.hear(Line.legacy(6)).posts.map(\.text) == [Line.initialize])
  }

  @Test("many are set again few at a time")
  func fewAtATime() throws {
    var (machine, posts) = try Self.reopened(after: (1...20).map { Self.subscribe($0, "a:\($0)") })
    #expect(posts.count == 8)
    var set: [Outgoing] = []
    while !posts.isEmpty {
      let next = posts.removeFirst()
      if next.role == .restoring { set.append(next) }
      if next.message.id != nil { posts += try machine.answer(next).actions.posts }
    }
    #expect(Self.said(set) == (1...20).map { "resources/subscribe a:\($0)" })
    #expect(Set(set.compactMap(\.message.id)).count == 20)
  }

  @Test("an answer that the old session still gave is told to the new one")
  func lateAnswer() throws {
    var machine = try BridgeMachine.opened().machine
    let late = try #require(try machine.hear(Self.subscribe(1, "a:1")).posts.first)
    let again = try Self.reopen(&machine)
    #expect(again.map(\.text) == [Line.legacy(99)])
    let (line, actions) = try machine.answer(late)
    #expect(line != nil && Self.said(actions.posts) == ["resources/subscribe a:1"])
    #expect(actions.posts.first?.header("mcp-session-id") == "s2")
  }

  @Test("the client's own new handshake begins with nothing")
  func anew() throws {
    var machine = try BridgeMachine.opened().machine
    _ = try machine.answer(try #require(try machine.hear(Self.level(1, "info")).posts.first))
    let opening = try #require(try machine.hear(Line.initialize).posts.first)
    _ = try machine.answer(opening, #"{"protocolVersion":"2025-11-25"}"#, session: "s3")
    let ready = try #require(try machine.hear(Line.initialized).posts.first)
    _ = machine.settle(ready, .accepted)
    #expect(try Self.reopen(&machine).map(\.text) == [Line.legacy(99)])
  }

  @Test("is kept within bounds of number and bytes", arguments: [(1100, 10, 1000), (1000, 2000, 250)])
  func bounded(number: Int, bytes: Int, kept: Int) throws {
    var memory = SessionMemory()
    for id in 0..<number {
      let uri = "a:\(id)".padding(to: bytes)
      _ = memory.take(try ClientMessage(reading: Array(Self.subscribe(id, uri).utf8)))
    }
    #expect(memory.requests.count == kept)
  }
}

extension String {
  fileprivate func padding(to count: Int) -> String { self + String(repeating: "x", count: max(0, count - utf8.count)) }
}
