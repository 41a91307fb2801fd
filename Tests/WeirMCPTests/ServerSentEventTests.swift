import Testing
import WeirMCP

@Suite("Event streams")
struct ServerSentEventTests {
  struct Stream: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let events: [ServerSentEvent]
    var lastEventID: String?
    var retry: Int?
    var isIncomplete = false

    init(_ name: String, _ text: String, _ events: [ServerSentEvent], lastEventID: String? = nil, retry: Int? = nil, isIncomplete: Bool = false) {
      testDescription = name
      bytes = Array(text.utf8)
      (self.events, self.lastEventID, self.retry, self.isIncomplete) = (events, lastEventID, retry, isIncomplete)
    }
  }

  static func event(_ data: String, id: String? = nil, event: String? = nil, retry: Int? = nil) -> ServerSentEvent {
    ServerSentEvent(id: id, event: event, data: Array(data.utf8), retry: retry)
  }

  static let streams = [
    Stream("nothing", "", []), Stream("one event", "data: {\"a\":1}\n\n", [event("{\"a\":1}")]),
    Stream("line feeds", "data:a\n\ndata:b\n\n", [event("a"), event("b")]),
    Stream("carriage returns", "data:a\r\rdata:b\r\r", [event("a"), event("b")]),
    Stream("both", "data:a\r\n\r\ndata:b\r\n\r\n", [event("a"), event("b")]),
    Stream("a mixture", "data:a\r\n\ndata:b\n\r\ndata:c\r\r\ndata:d\n\r", [event("a"), event("b"), event("c"), event("d")]),
    Stream("lines of data", "data: a\ndata:\ndata:  b\n\n", [event("a\n\n b")]),
    Stream("lines of data, both", "data:a\r\ndata:b\r\n\r\n", [event("a\nb")]),
    Stream("a byte order mark", "\u{FEFF}data: a\n\n\u{FEFF}data: b\n\n", [event("a")]),
    Stream("comments", ": hello\n\n:\ndata: a\n: data: b\n\n", [event("a")]),
    Stream("empty data", "id: 1\ndata:\n\n", [event("", id: "1")], lastEventID: "1"),
    Stream("data without a colon", "data\n\ndata\ndata\n\n", [event(""), event("\n")]),
    Stream(
      "issue 4: an id whose block is cut off", "id: 1\ndata: a\n\nid: 2\ndata: b\n", [event("a", id: "1")], lastEventID: "1", isIncomplete: true),
    Stream("id alone", "id: 7\n\ndata: a\n\n", [event("a", id: "7")], lastEventID: "7"),
    Stream(
      "an id lasts", "id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
      [event("a", id: "7"), event("b", id: "7"), event("c", id: "")], lastEventID: ""),
    Stream("an id with NUL is ignored", "id: 1\ndata: a\n\nid: 2\u{0}\ndata: b\n\n", [event("a", id: "1"), event("b", id: "1")], lastEventID: "1"),
    Stream(
      "types", "event: endpoint\ndata: /x\n\nevent:\ndata: a\n\nevent: gone\n\ndata: b\n\n",
      [event("/x", event: "endpoint"), event("a"), event("b")]),
    Stream(
      "reconnection times", "retry: 1500\ndata: a\n\nretry: 1x\nretry: -1\nretry:\nretry: 99999999999999999999\ndata: b\n\nretry: 20\n\n",
      [event("a", retry: 1500), event("b")], retry: 20),
    Stream("unknown fields", "data : x\nDATA: y\nfoo: z\ndata: a: b\n\n", [event("a: b")]),
    Stream("a stream that ends too early", "data: a\n\ndata: b\n", [event("a")], isIncomplete: true),
    Stream("a line that ends too early", "data: a\n\ndata", [event("a")], isIncomplete: true),
    Stream("characters of several bytes", "data: é€😂\nevent: ü\n\n", [event("é€😂", event: "ü")]),
  ]

  private static func check(_ parser: ServerSentEventParser, _ events: [ServerSentEvent], _ stream: Stream, _ cut: String) {
    var parser = parser
    #expect(events == stream.events, "\(cut)")
    #expect(parser.lastEventID == stream.lastEventID, "\(cut)")
    #expect(parser.retry == stream.retry, "\(cut)")
    let isIncomplete = parser.finish()
    #expect(isIncomplete == stream.isIncomplete, "\(cut)")
  }

  @Test("a stream says the same wherever it is cut in two", arguments: streams)
  func cutInTwo(stream: Stream) throws {
    for cut in 0...stream.bytes.count {
      var parser = ServerSentEventParser()
      let events = try parser.feed(stream.bytes[..<cut]) + parser.feed([]) + parser.feed(stream.bytes[cut...])
      Self.check(parser, events, stream, "cut at \(cut)")
    }
  }

  @Test("a stream says the same byte by byte", arguments: streams)
  func byteByByte(stream: Stream) throws {
    var parser = ServerSentEventParser()
    var events: [ServerSentEvent] = []
    for byte in stream.bytes { events += try parser.feed(CollectionOfOne(byte)) }
    Self.check(parser, events, stream, "bytes")
  }

  @Test("an event comes as soon as its blank line does")
  func promptness() throws {
    var parser = ServerSentEventParser()
    #expect(try parser.feed("data: a\r\n\r".utf8) == [Self.event("a")])
    #expect(try parser.feed("\ndata: b\n".utf8) == [])
    #expect(try parser.feed("\n".utf8) == [Self.event("b")])
  }

  @Test("an event may be as long as the limit and no longer", arguments: [1, 7, 4096])
  func limit(piece: Int) throws {
    let allowed = Array("data:\(String(repeating: "x", count: 95))\n\n".utf8)
    let lines = Array("data:\(String(repeating: "x", count: 60))\ndata:\(String(repeating: "x", count: 60))\n\n".utf8)
    let endless = Array(":\(String(repeating: "x", count: 100))".utf8)
    func feed(_ bytes: [UInt8]) throws(ServerSentEventError) -> Int {
      var parser = ServerSentEventParser(maxEventBytes: 100)
      var count = 0
      for start in stride(from: 0, to: bytes.count, by: piece) { count += try parser.feed(bytes[start..<min(bytes.count, start + piece)]).count }
      return count
    }
    #expect(try feed(allowed) == 1)
    #expect(try feed(allowed + allowed) == 2)
    #expect(throws: ServerSentEventError.eventTooLarge(limit: 100)) { _ = try feed(lines) }
    #expect(throws: ServerSentEventError.eventTooLarge(limit: 100)) { _ = try feed(endless) }
  }

  @Test("after a failure nothing is read")
  func failed() throws {
    var parser = ServerSentEventParser(maxEventBytes: 4)
    #expect(throws: ServerSentEventError.self) { _ = try parser.feed("data: a\n".utf8) }
    #expect(throws: ServerSentEventError.self) { _ = try parser.feed("\n".utf8) }
  }

  static let written: [([UInt8], String)] = [
    (ServerSentEventWriter.event(data: "{}".utf8), "data: {}\n\n"),
    (ServerSentEventWriter.event(data: "a".utf8, id: "1", event: "message", retry: 5), "event: message\nid: 1\nretry: 5\ndata: a\n\n"),
    (ServerSentEventWriter.event(data: "a\nb\r\nc\rd\n".utf8, id: "x\ny\u{0}"), "id: xy\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"),
    (ServerSentEventWriter.event(data: "".utf8, id: "0"), "id: 0\ndata: \n\n"), (ServerSentEventWriter.comment("keep-alive"), ": keep-alive\n\n"),
    (ServerSentEventWriter.comment("a\r\ndata: b"), ": a\n: data: b\n\n"),
  ]

  @Test("events are written as the standard has them", arguments: written)
  func writes(bytes: [UInt8], expected: String) {
    #expect(Array(bytes) == Array(expected.utf8))
  }

  @Test("what is written is read back", arguments: ["", "a", " a", "a\nb", "\n", "\n\n a", ":x", "é😂"])
  func roundTrip(data: String) throws {
    var parser = ServerSentEventParser()
    let bytes = ServerSentEventWriter.comment("c") + ServerSentEventWriter.event(data: data.utf8, id: "i", event: "e", retry: 9)
    #expect(try parser.feed(bytes) == [Self.event(data, id: "i", event: "e", retry: 9)])
    let isIncomplete = parser.finish()
    #expect(!isIncomplete)
  }
}
