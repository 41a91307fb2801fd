import Testing
import WeirMCP

@testable import WeirStdio

@Suite("A bridge for a client that opens with a handshake")
struct HandshakeTests {
  @Test("initialize leaves without headers, and what follows has the session's")
  func opens() throws {
    var machine = BridgeMachine()
    let opening = try #require(try machine.hear(Line.initialize).posts.first)
    #expect(opening.headers.isEmpty)
    #expect(try machine.answer(opening, #"{"protocolVersion":"2025-11-25"}"#, session: "s1").line?.contains("2025-11-25") == true)
    let ready = try #require(try machine.hear(Line.initialized).posts.first)
    #expect(ready.header("mcp-session-id") == "s1")
    #expect(ready.header("mcp-protocol-version") == "2025-11-25")
    #expect(ready.header("mcp-method") == nil)
  }

  @Test("revisions before 2025-06-18 have no header of their own", arguments: ["2024-11-05", "2025-03-26"])
  func oldRevisions(revision: String) throws {
    var machine = BridgeMachine()
    let opening = try #require(try machine.hear(Line.initialize).posts.first)
    _ = try machine.answer(opening, #"{"protocolVersion":"\#(revision)"}"#, session: "s1")
    let ping = try #require(try machine.hear(Line.legacy(1, "ping")).posts.first)
    #expect(ping.header("mcp-protocol-version") == nil)
    #expect(ping.header("mcp-session-id") == "s1")
  }

  @Test("requests wait until the server has taken initialized, and then leave side by side")
  func waits() throws {
    var machine = BridgeMachine()
    let opening = try #require(try machine.hear(Line.initialize).posts.first)
    #expect(try machine.hear(Line.legacy(1)).isEmpty)
    #expect(try machine.hear(Line.initialized).isEmpty)
    let announcing = try machine.answer(opening, #"{"protocolVersion":"2025-11-25"}"#).actions.posts
    #expect(announcing.map(\.role) == [.announcing])
    #expect(try machine.hear(Line.legacy(2)).isEmpty)
    let released = machine.settle(announcing[0], .accepted).actions
    #expect(released.posts.map(\.role) == [.request(RPCID(1)), .request(RPCID(2))])
  }

  @Test("a failed initialize is answered, with everything that waited for it")
  func failsToOpen() throws {
    var machine = BridgeMachine()
    let opening = try #require(try machine.hear(Line.initialize).posts.first)
    _ = try machine.hear(Line.legacy(1))
    let (line, actions) = machine.settle(opening, .failed("nobody there"))
    #expect(line?.contains("nobody there") == true)
    #expect(actions.written.count == 1 && actions.written[0].contains(#""id":1"#))
    #expect(try machine.hear(Line.initialize).posts.map(\.role) == [.opening(RPCID(0))])
  }

  @Test("a session id that is no visible ASCII is refused", arguments: ["a b", "é", ""])
  func badSession(id: String) throws {
    var machine = BridgeMachine()
    let opening = try #require(try machine.hear(Line.initialize).posts.first)
    let line = try machine.answer(opening, #"{"protocolVersion":"2025-11-25"}"#, session: id).line
    #expect(line?.contains("error") == true)
    #expect(machine.farewell == nil)
  }

  @Test("notifications and responses leave one after the other, in their order")
  func keepsOrder() throws {
    var machine = try BridgeMachine.opened().machine
    let first = try #require(try machine.hear(Line.response).posts.first)
    #expect(try machine.hear(#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#).isEmpty)
    #expect(try machine.hear(Line.legacy(5)).posts.count == 1)
    let next = machine.settle(first, .accepted).actions.posts
    #expect(next.map(\.message.method) == ["notifications/roots/list_changed"])
  }

  @Test("a forgotten session is opened again with the client's own words, and what was refused goes out once more")
  func reopens() throws {
    var (machine, listening) = try BridgeMachine.opened()
    let asked = try #require(try machine.hear(Line.legacy(1)).posts.first)
    let also = try #require(try machine.hear(Line.legacy(2)).posts.first)
    let lost = machine.settle(asked, .sessionLost)
    #expect(lost.line == nil && lost.actions.closed.contains(listening.number))
    #expect(lost.actions.posts.map(\.text) == [Line.initialize])
    let alsoLost = machine.settle(also, .sessionLost)
    #expect(alsoLost.line == nil && alsoLost.actions.posts.isEmpty)
    let (line, actions) = try machine.answer(lost.actions.posts[0], #"{"protocolVersion":"2025-11-25"}"#, session: "s2")
    #expect(line == nil)
    #expect(actions.posts.map(\.text) == [Line.initialized])
    let again = machine.settle(actions.posts[0], .accepted).actions.posts
    #expect(again.map(\.text) == [Line.legacy(1), Line.legacy(2)])
    #expect(again.allSatisfy { $0.header("mcp-session-id") == "s2" })
    let lostAgain = machine.settle(again[0], .sessionLost)
    #expect(lostAgain.line?.contains("error") == true)
  }

  @Test("a session that can't be opened again is an error, and the next request tries anew")
  func reopensLater() throws {
    var machine = try BridgeMachine.opened().machine
    let asked = try #require(try machine.hear(Line.legacy(1)).posts.first)
    let replay = try #require(machine.settle(asked, .sessionLost).actions.posts.first)
    let failed = machine.settle(replay, .failed("nobody there")).actions
    #expect(failed.written.count == 1 && failed.written[0].contains("nobody there"))
    #expect(try machine.hear(Line.legacy(2)).posts.map(\.text) == [Line.initialize])
  }

  @Test("another revision than before is no session for the same client")
  func otherRevision() throws {
    var machine = try BridgeMachine.opened().machine
    let asked = try #require(try machine.hear(Line.legacy(1)).posts.first)
    let replay = try #require(machine.settle(asked, .sessionLost).actions.posts.first)
    let actions = try machine.answer(replay, #"{"protocolVersion":"2025-06-18"}"#, session: "s2").actions
    #expect(actions.written.first?.contains("another revision") == true)
  }

  @Test("a stream that loses its session opens a new one by itself; an old stream does not")
  func listenerLost() throws {
    var (machine, listening) = try BridgeMachine.opened()
    let answers = [listening.number + 1, listening.number, listening.number].map { machine.listenerLost($0).posts.map(\.text) }
    #expect(answers == [[], [Line.initialize], []])
  }

  @Test("a cancellation is sent on, then the request is closed and its answer is not written")
  func cancels() throws {
    var machine = try BridgeMachine.opened().machine
    let asked = try #require(try machine.hear(Line.legacy(1, "tools/call")).posts.first)
    let said = try #require(try machine.hear(Line.cancel(1)).posts.first)
    #expect(said.message.method == "notifications/cancelled")
    let taken = machine.settle(said, .accepted)
    #expect(taken.actions.closed.contains(asked.number))
    #expect(try machine.answer(asked).line == nil)
  }

  @Test("a request that still waits is cancelled without a word to the server")
  func cancelsWaiting() throws {
    var machine = BridgeMachine()
    let opening = try #require(try machine.hear(Line.initialize).posts.first)
    _ = try machine.hear(Line.legacy(1))
    #expect(try machine.hear(Line.cancel(1)).isEmpty)
    #expect(try machine.answer(opening, #"{"protocolVersion":"2025-11-25"}"#).actions.posts.isEmpty)
  }

  @Test("there is something to delete only where the server has given a session")
  func farewell() throws {
    #expect(try BridgeMachine.opened().machine.farewell?.contains { $0 == ("mcp-session-id", "s1") } == true)
    #expect(try BridgeMachine.opened(session: nil).machine.farewell == nil)
  }
}
