import Testing
import WeirHTTPClient
import WeirMCP

@testable import WeirStdio

@Suite("The parts of a bridge")
struct SmallPartsTests {
  @Test("lines are the same however they arrive", arguments: [1, 2, 3, 7, 100])
  func lines(size: Int) {
    var feed = LineFeed(limit: 5)
    let bytes = Array("ab\r\n\n12345\n123456\nend".utf8)
    var found: [LineFeed.Line] = []
    for start in stride(from: 0, to: bytes.count, by: size) { found += feed.feed(bytes[start..<min(start + size, bytes.count)]) }
    if let last = feed.finish() { found.append(last) }
    #expect(found == [.text(Array("ab".utf8)), .text(Array("12345".utf8)), .tooLong, .text(Array("end".utf8))])
  }

  @Test(
    "TLS, this machine, or the word of whoever runs it",
    arguments: [
      ("https://weir.example.com/mcp", true), ("HTTPS://weir.example.com", true), ("http://127.0.0.1:8080/mcp", true),
      ("http://localhost/mcp", true), ("http://[::1]:8080/mcp", true), ("http://LOCALHOST:1", true), ("http://weir.example.com/mcp", false),
      ("http://127.example.com/mcp", false), ("http://127.0.0.1.example.com", false), ("http://127.1", false),
      ("http://localhost.example.com", false),
      ("http://127.0.0.256", false),
    ])
  func addresses(url: String, isFine: Bool) {
    #expect((BridgeAddress.fault(of: url, allowsInsecure: false) == nil) == isFine)
    #expect(BridgeAddress.fault(of: url, allowsInsecure: true) == nil)
  }

  @Test("what is no URL is none", arguments: ["", "weir", "ftp://a", "http://", "http://user:pass@localhost", "http://a b"])
  func noAddress(url: String) {
    #expect(BridgeAddress.fault(of: url, allowsInsecure: true) != nil)
  }

  @Test("of a URL only the origin is told")
  func origin() {
    #expect(BridgeAddress.origin(of: "https://host:1/secret?key=1") == "https://host:1")
    #expect(BridgeAddress.origin(of: "http://host") == "http://host")
  }

  @Test("lines that are no message are refused with what is wrong", arguments: ["x", "[]", "{}", #"{"jsonrpc":"2.0","id":null,"method":"a"}"#])
  func refusals(line: String) {
    #expect(throws: ClientMessage.Refusal.self) { try ClientMessage(reading: Array(line.utf8)) }
  }

  @Test("what a server sends becomes one line")
  func oneLine() throws {
    let body = Array("{\"jsonrpc\":\"2.0\",\r\n\"id\":1,\n\"result\":{}}\n".utf8)
    guard case .answer(let answer) = ServerMessage(reading: body, for: RPCID(1), maxBytes: 1000) else { throw NoAnswer() }
    #expect(!answer.line.contains(0x0A) && !answer.line.contains(0x0D))
    #expect(answer.line.last == UInt8(ascii: "}"))
  }

  @Test("an answer to somebody else is none, and an error without an id is the request's")
  func whose() throws {
    let other = Array(#"{"jsonrpc":"2.0","id":"1","result":{}}"#.utf8)
    guard case .stray = ServerMessage(reading: other, for: RPCID(1), maxBytes: 1000) else { throw NoAnswer() }
    let nameless = Array(#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"no"}}"#.utf8)
    guard case .answer(let answer) = ServerMessage(reading: nameless, for: RPCID(1), maxBytes: 1000) else { throw NoAnswer() }
    #expect(String(decoding: answer.line, as: UTF8.self).contains(#""id":1"#))
    guard case .stray = ServerMessage(reading: nameless, for: nil, maxBytes: 1000) else { throw NoAnswer() }
  }

  @Test("the body of a refusal is an answer where it is JSON-RPC, words where it is text, and nothing where it is a page")
  func refusalBodies() {
    let rpc = RefusalBody(Array(#"{"jsonrpc":"2.0","id":3,"error":{"code":-32601,"message":"none"}}"#.utf8), for: RPCID(3))
    #expect(rpc.answer != nil && rpc.code == -32601 && rpc.text == "none")
    #expect(RefusalBody(Array("use POST".utf8), for: RPCID(3)).text == "use POST")
    #expect(RefusalBody(Array("<html>".utf8), for: RPCID(3)).text == nil)
    #expect(RefusalBody([], for: nil).text == nil)
  }

  @Test(
    "a problem says what to do",
    arguments: [(401, "WEIR_TOKEN"), (302, "redirects"), (404, "/mcp"), (413, "size"), (429, "in 7 s"), (503, "again")])
  func problems(status: Int, word: String) {
    let problem = Problem(origin: "https://host", hasToken: true)
    #expect(problem.status(status, said: "words\nof theirs", retryAfter: "7").contains(word))
    #expect(!problem.status(status, said: "words\nof theirs").contains("\n"))
  }

  @Test("who has no key is told to set one, who has is told that it is wrong")
  func keys() {
    #expect(Problem(origin: "https://host", hasToken: false).status(401).contains("set WEIR_TOKEN"))
    #expect(Problem(origin: "https://host", hasToken: true).status(401).contains("refused the key"))
  }

  @Test("a stream is opened again, later after each failure, as the server says after an end")
  func listens() {
    var policy = ListenPolicy()
    let outcomes: [ListenOutcome] = [
      .failed, .refused(status: 503), .ended(hasHeard: true, retry: nil), .ended(hasHeard: false, retry: 2500), .ended(hasHeard: false, retry: 0),
      .refused(status: 409),
    ]
    let pauses = outcomes.map { policy.next(after: $0, random: 0.5) }
    #expect(pauses == [750, 1500, 750, 2500, 100, 1500].map { .again(after: .milliseconds($0)) })
    let last = policy.next(after: .refused(status: 404), random: 0.5)
    #expect(last == .sessionLost)
  }

  @Test("a server without such a stream is asked once", arguments: [400, 401, 404, 405])
  func doesNotListen(status: Int) {
    var policy = ListenPolicy()
    let step = policy.next(after: .refused(status: status), random: 0.5)
    #expect(step == .stop)
  }
}
