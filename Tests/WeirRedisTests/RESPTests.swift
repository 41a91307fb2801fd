import NIOCore
import Testing
import WeirRedis

@Suite struct RESPTests {
  /// Feeds in the given pieces; what was read, and the error.
  private func decode(_ pieces: [ArraySlice<UInt8>], limits: RESPLimits = RESPLimits()) -> (replies: [RedisReply], error: RedisError?) {
    var decoder = RESPDecoder(limits: limits)
    var replies: [RedisReply] = []
    for piece in pieces {
      if let error = feed(piece, to: &decoder, into: &replies) { return (replies, error) }
    }
    return (replies, nil)
  }

  private func feed(_ bytes: ArraySlice<UInt8>, to decoder: inout RESPDecoder, into replies: inout [RedisReply]) -> RedisError? {
    bytes.withUnsafeBytes { bytes in
      do throws(RedisError) {
        try decoder.feed(bytes, into: &replies)
        return nil
      } catch {
        return error
      }
    }
  }

  private func decode(_ text: String, limits: RESPLimits = RESPLimits()) -> (replies: [RedisReply], error: RedisError?) {
    decode([Array(text.utf8)[...]], limits: limits)
  }

  static let corpus: [(wire: String, reply: RedisReply)] = [
    ("+OK\r\n", .simple("OK")),
    ("+\r\n", .simple("")),
    ("-ERR no such thing\r\n", .error("ERR no such thing")),
    (":0\r\n", .integer(0)),
    (":-9223372036854775808\r\n", .integer(.min)),
    (":9223372036854775807\r\n", .integer(.max)),
    ("$-1\r\n", .bulk(nil)),
    ("*-1\r\n", .bulk(nil)),
    ("$0\r\n\r\n", .bulk([])),
    ("$5\r\na\r\nb\0\r\n", .bulk([97, 13, 10, 98, 0])),
    ("$6\r\n+OK\r\n-\r\n", .bulk(Array("+OK\r\n-".utf8))),
    ("*0\r\n", .array([])),
    ("*3\r\n$-1\r\n*0\r\n-NOSCRIPT x\r\n", .array([.bulk(nil), .array([]), .error("NOSCRIPT x")])),
    ("*2\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n+y\r\n", .array([.array([.integer(1), .array([.bulk([120])])]), .simple("y")])),
    ("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:7\r\n", .array([.array([.array([.array([.array([.array([.array([.integer(7)])])])])])])])),
  ]

  @Test("a stream of all kinds of replies reads the same, split in two at every byte")
  func everySplit() {
    let wire = Array(Self.corpus.map(\.wire).joined().utf8)
    let expected = Self.corpus.map(\.reply)
    for index in 0...wire.count {
      let result = decode([wire[..<index], wire[index...]])
      #expect(result.error == nil && result.replies == expected, "split at \(index)")
    }
  }

  @Test("byte by byte, and in pieces of every size, it reads the same")
  func everySize() {
    let wire = Array(Self.corpus.map(\.wire).joined().utf8)
    let expected = Self.corpus.map(\.reply)
    for size in 1...wire.count {
      let pieces = stride(from: 0, to: wire.count, by: size).map { wire[$0..<min($0 + size, wire.count)] }
      let result = decode(pieces)
      #expect(result.error == nil && result.replies == expected, "pieces of \(size)")
    }
  }

  /// Without RESP3's null (`_`): hiredis 1.x reads it as the null that it is.
  @Test(
    "what is no RESP2 is an error, and the replies before it are kept",
    arguments: [
      "?\r\n", "hello\r\n", "\r\n", ":abc\r\n", ":9223372036854775808\r\n", ":1 \r\n", "$abc\r\n", "$-2\r\n", "*-2\r\n", "*x\r\n", "\0",
      "$99999999999999999999\r\n", "%1\r\n+a\r\n+b\r\n", "~1\r\n+a\r\n", ">1\r\n+a\r\n", "#t\r\n", ",1.5\r\n", "(123\r\n",
      "=7\r\ntxt:abc\r\n",
      "HTTP/1.1 400 Bad Request\r\n", "\u{16}\u{3}\u{1}",
    ])
  func garbage(text: String) {
    let result = decode("+before\r\n" + text + "+after\r\n")
    #expect(result.replies == [.simple("before")])
    #expect(result.error?.code == .protocolError)
  }

  @Test("after an error it stays failed")
  func sticky() {
    var decoder = RESPDecoder()
    var replies: [RedisReply] = []
    for text in ["?\r\n", "+OK\r\n", "+OK\r\n"] {
      let error = feed(Array(text.utf8)[...], to: &decoder, into: &replies)
      #expect(error?.code == .protocolError)
    }
    #expect(replies.isEmpty)
  }

  @Test("a reply over the byte limit is an error before it is complete", arguments: ["$1000\r\n", "+", "*900\r\n$1\r\nx\r\n"])
  func byteLimit(head: String) {
    let limits = RESPLimits(maxReplyBytes: 100)
    #expect(decode(head, limits: limits).error == nil)
    let result = decode([Array(head.utf8)[...], [UInt8](repeating: UInt8(ascii: "x"), count: 120)[...]], limits: limits)
    #expect(result.error?.code == .protocolError)
  }

  @Test("many small replies are not one large one")
  func byteLimitIsPerReply() {
    let result = decode(String(repeating: "$20\r\nabcdefghijabcdefghij\r\n", count: 5000), limits: RESPLimits(maxReplyBytes: 40))
    #expect(result.error == nil && result.replies.count == 5000)
  }

  @Test(
    "an array that announces too many elements is refused at once, complete or not",
    arguments: ["*2147483647\r\n", "*1001\r\n", "*2\r\n:1\r\n*1001\r\n:1\r\n"])
  func elementLimit(head: String) {
    #expect(decode(head, limits: RESPLimits(maxElements: 1000)).error?.code == .protocolError)
    let full = "*1001\r\n" + String(repeating: ":1\r\n", count: 1001)
    #expect(decode(full, limits: RESPLimits(maxElements: 1000)).error?.code == .protocolError)
    #expect(decode(full, limits: RESPLimits(maxElements: 1001)).replies.count == 1)
  }

  @Test("arrays nest as deep as allowed and no deeper", arguments: [(3, 3, true), (4, 3, false), (9, 8, false), (5000, 8, false), (7, 8, true)])
  func depth(levels: Int, limit: Int, isRead: Bool) {
    let limits = RESPLimits(maxDepth: limit)
    let opening = String(repeating: "*1\r\n", count: levels)
    #expect((decode(opening + ":1\r\n", limits: limits).error == nil) == isRead)
    if !isRead { #expect(decode(opening, limits: limits).error?.code == .protocolError) }
  }

  @Test("random bytes and damaged replies give replies or an error, never a crash", arguments: 0..<8 as Range<UInt64>)
  func fuzz(seed: UInt64) {
    var random = SplitMix64(state: seed)
    let valid = Array(Self.corpus.map(\.wire).joined().utf8)
    let alphabet = Array("+-:$*\r\n0123456789ab%_~>#,(\0".utf8)
    var errors = 0
    for _ in 0..<2000 {
      var wire = valid
      if Bool.random(using: &random) {
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          wire[Int.random(in: 0..<wire.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
      } else {
        wire = (0..<Int.random(in: 1...80, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      }
      let split = Int.random(in: 0...wire.count, using: &random)
      let result = decode([wire[..<split], wire[split...]], limits: RESPLimits(maxReplyBytes: 4096, maxElements: 100_000))
      if let error = result.error {
        errors += 1
        #expect(error.code == .protocolError)
      }
    }
    #expect(errors > 100)
  }

  @Test("one bulk of eight megabytes arrives whole")
  func large() {
    let value = [UInt8](repeating: 0xA5, count: 8 << 20)
    let wire = Array("$\(value.count)\r\n".utf8) + value + [13, 10]
    let pieces = stride(from: 0, to: wire.count, by: 65_536).map { wire[$0..<min($0 + 65_536, wire.count)] }
    #expect(decode(pieces).replies == [.bulk(value)])
  }

  @Test("commands are written as arrays of bulk strings, whatever bytes their arguments hold")
  func encode() throws {
    let commands: [[[UInt8]]] = [[Array("GET".utf8), [0, 13, 10, 255]], [Array("SET".utf8), [], Array("%s%n".utf8)], [[]]]
    let buffer = try RESPEncoder.encode(commands)
    let expected =
      Array("*2\r\n$3\r\nGET\r\n$4\r\n".utf8) + [0, 13, 10, 255, 13, 10] + Array("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\n%s%n\r\n*1\r\n$0\r\n\r\n".utf8)
    #expect(Array(buffer.readableBytesView) == expected)
    let back = decode([Array(buffer.readableBytesView)[...]])
    #expect(back.replies == commands.map { .array($0.map { .bulk($0) }) })
  }

  @Test("no command, a nameless command and one over the limit are refused")
  func encodeRefusals() {
    for commands in [[], [[]], [[Array("SET".utf8), [UInt8](repeating: 0, count: 1000)]]] as [[[[UInt8]]]] {
      let error = #expect(throws: RedisError.self) { try RESPEncoder.encode(commands, maxBytes: 1000) }
      #expect(error?.code == .invalidCommand)
    }
  }
}
