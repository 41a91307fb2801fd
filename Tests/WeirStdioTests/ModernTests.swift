import Testing
import WeirMCP

@testable import WeirStdio

@Suite("A bridge for a client whose requests stand alone")
struct ModernTests {
  @Test("the headers repeat what the body says")
  func headers() throws {
    var machine = BridgeMachine()
    let call = try #require(try machine.hear(Line.modern(1, "tools/call", #""name":"grüße""#)).posts.first)
    #expect(call.header("mcp-protocol-version") == "2026-07-28")
    #expect(call.header("mcp-method") == "tools/call")
    #expect(call.header("mcp-name") == HeaderText.encode("grüße"))
    let read = try #require(try machine.hear(Line.modern(2, "resources/read", #""uri":"test://a""#)).posts.first)
    #expect(read.header("mcp-name") == "test://a")
    #expect(try machine.hear(Line.modern(3, "server/discover")).posts.first?.header("mcp-name") == nil)
  }

  @Test("arguments that a listed tool wants in headers are repeated there")
  func parameters() throws {
    var machine = BridgeMachine()
    let arguments = #""name":"bill","arguments":{"region":"eu"}"#
    #expect(try machine.hear(Line.modern(1, "tools/call", arguments)).posts.first?.header("mcp-param-region") == nil)
    let list = try #require(try machine.hear(Line.modern(2, "tools/list")).posts.first)
    let schema = #"{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}"#
    _ = try machine.answer(list, #"{"tools":[{"name":"bill","inputSchema":\#(schema)},{"name":"other","inputSchema":{"type":"object"}}]}"#)
    #expect(try machine.hear(Line.modern(3, "tools/call", arguments)).posts.first?.header("mcp-param-region") == "eu")
    let other = try #require(try machine.hear(Line.modern(4, "tools/call", #""name":"other","arguments":{"region":"eu"}"#)).posts.first)
    #expect(other.header("mcp-param-region") == nil)
  }

  @Test("a call that is refused for want of headers goes out again when the tools are listed, page by page, and once only")
  func learns() throws {
    var machine = BridgeMachine()
    let line = Line.modern(1, "tools/call", #""name":"bill","arguments":{"region":"eu"}"#)
    let call = try #require(try machine.hear(line).posts.first)
    let refusal = Array(#"{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"no header"}}"#.utf8)
    guard case .answer(let refused) = ServerMessage(reading: refusal, for: RPCID(1), maxBytes: 1000) else { throw NoAnswer() }
    let (answer, actions) = machine.settle(call, .answered(refused))
    #expect(answer == nil && actions.posts.map(\.role) == [.listing])
    #expect(actions.posts[0].header("mcp-protocol-version") == "2026-07-28")
    let next = try machine.answer(actions.posts[0], #"{"tools":[],"nextCursor":"p2"}"#).actions
    #expect(next.posts.map(\.text).first?.contains(#""cursor":"p2""#) == true)
    let schema = #"{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}"#
    let again = try machine.answer(next.posts[0], #"{"tools":[{"name":"bill","inputSchema":\#(schema)}]}"#).actions.posts
    #expect(again.map(\.text) == [line] && again[0].header("mcp-param-region") == "eu")
    let last = machine.settle(again[0], .answered(refused))
    #expect(last.line?.contains("-32020") == true && last.actions.posts.isEmpty)
  }

  @Test("a cancellation closes the request and is not sent on")
  func cancels() throws {
    var machine = BridgeMachine()
    let call = try #require(try machine.hear(Line.modern(1, "tools/call", #""name":"a""#)).posts.first)
    let actions = try machine.hear(Line.cancel(1))
    #expect(actions.posts.isEmpty && actions.closed == [call.number])
    #expect(try machine.answer(call).line == nil)
    #expect(try machine.hear(Line.cancel(1)).isEmpty)
  }

  @Test("a legacy handshake under way holds up no modern request")
  func besideHandshake() throws {
    var machine = BridgeMachine()
    _ = try machine.hear(Line.initialize)
    #expect(try machine.hear(Line.modern(7, "tools/list")).posts.count == 1)
  }

  @Test("an id in use is refused, and free again with its answer")
  func ids() throws {
    var machine = BridgeMachine()
    let first = try #require(try machine.hear(Line.modern(1, "tools/list")).posts.first)
    let refused = try machine.hear(Line.modern(1, "tools/list"))
    #expect(refused.posts.isEmpty && refused.written.first?.contains("under way") == true)
    _ = try machine.answer(first)
    #expect(try machine.hear(Line.modern(1, "tools/list")).posts.count == 1)
  }

  @Test("more requests than are bearable are refused")
  func bounded() throws {
    var machine = BridgeMachine()
    for id in 0..<BridgeMachine.maxUnderWay { #expect(try machine.hear(Line.modern(id, "tools/list")).posts.count == 1) }
    let refused = try machine.hear(Line.modern(9999, "tools/list"))
    #expect(refused.posts.isEmpty && refused.written.first?.contains(#""id":9999"#) == true)
  }

  @Test("the end waits for answers under way, but for no stream that never ends")
  func ends() throws {
    var machine = BridgeMachine()
    let listen = try #require(try machine.hear(Line.modern(1, "subscriptions/listen")).posts.first)
    let call = try #require(try machine.hear(Line.modern(2, "tools/call", #""name":"a""#)).posts.first)
    let ending = machine.ending(grace: .seconds(30))
    #expect(ending.closed == [listen.number] && ending.graces == [.seconds(30)] && !ending.ends)
    let closed = machine.finished(listen.number)
    #expect(!closed.ends)
    #expect(ending.written == [#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":1}}}"#])
    #expect(closed.written == [Self.cancelled])
    for line in ending.written + closed.written { #expect(!machine.written(Array(line.utf8)).ends) }
    let (line, actions) = try machine.answer(call)
    #expect(line != nil && actions.ends)
    let late = machine.graceEnded()
    #expect(!late.ends)
  }

  private static let cancelled =
    #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"the subscription has ended"}}"#

  @Test("issue 4: the end of a subscription is told by a cancellation beside its answer, unless the client ended it or it never began")
  func subscriptionEnds() throws {
    let refusal = #"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#
    for (answer, told) in [(#"{"jsonrpc":"2.0","id":1,"result":{}}"#, [Self.cancelled]), (refusal, []), (nil, [Self.cancelled])] {
      var machine = BridgeMachine()
      let listen = try #require(try machine.hear(Line.modern(1, "subscriptions/listen")).posts.first)
      var outcome = BridgeMachine.Outcome.failed("cut off")
      if let answer, case .answer(let read) = ServerMessage(reading: Array(answer.utf8), for: RPCID(1), maxBytes: 1 << 20) {
        outcome = .answered(read)
      }
      let (line, actions) = machine.posted(listen.number, outcome)
      #expect(line != nil && actions.written.isEmpty, "the answer comes first")
      #expect(machine.finished(listen.number).written == told)
    }
    var machine = BridgeMachine()
    let listen = try #require(try machine.hear(Line.modern(1, "subscriptions/listen")).posts.first)
    #expect(try machine.hear(Line.cancel(1)).closed == [listen.number])
    #expect(machine.finished(listen.number).written == [])
  }

  @Test("the end waits for the bridge's own words, too")
  func endsAfterWords() throws {
    var machine = BridgeMachine()
    let refusal = ClientMessage.Refusal(id: nil, error: RPCErrorObject(code: RPCErrorObject.parseError, message: "no"))
    let refused = machine.refused(refusal)
    #expect(refused.written.count == 1)
    let ending = machine.ending(grace: .seconds(30))
    let written = machine.written(Array(refused.written[0].utf8))
    #expect(!ending.ends && written.ends)
  }

  @Test("nothing under way is the end at once")
  func endsAtOnce() {
    var machine = BridgeMachine()
    let ending = machine.ending(grace: .seconds(30))
    #expect(ending.ends)
  }
}
