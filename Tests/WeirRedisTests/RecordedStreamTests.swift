import NIOCore
import Testing
import WeirRedis

/// What a real server sent, cut everywhere.
@Suite struct RecordedStreamTests {
  /// Commands and the bytes of redis-server 7.0 in answer to each.
  private static let recorded: [(command: String, reply: String)] = [
    ("SET k v", "+OK\r\n"), ("GET k", "$1\r\nv\r\n"), ("GET absent", "$-1\r\n"), ("INCR n", ":1\r\n"), ("LPUSH n x", typeError),
    ("RPUSH l a b", ":2\r\n"), ("LRANGE l 0 -1", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"), ("LRANGE none 0 -1", "*0\r\n"),
    ("SET binary", "+OK\r\n"), ("GET binary", "$6\r\n+x\r\n:1\r\n"), ("EVAL nested", "*3\r\n:1\r\n*2\r\n$1\r\n2\r\n*1\r\n:3\r\n$-1\r\n"),
    ("EVALSHA", "-NOSCRIPT No matching script. Please use EVAL.\r\n"), ("PTTL k", ":-1\r\n"), ("ECHO", "$0\r\n\r\n"),
    ("GET moved", "-MOVED 3999 127.0.0.1:6381\r\n"), ("PING", "+PONG\r\n"), ("TIME", "*2\r\n$10\r\n1764000000\r\n$6\r\n123456\r\n"),
  ]

  private static let typeError = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"

  private func decode(_ text: some Sequence<UInt8>, slices: Int = .max) throws -> [RedisReply] {
    var decoder = RESPDecoder()
    var replies: [RedisReply] = []
    let bytes = Array(text)
    for start in stride(from: 0, to: bytes.count, by: min(slices, max(1, bytes.count))) {
      try bytes[start..<min(bytes.count, start + min(slices, bytes.count))].withUnsafeBytes { try decoder.feed($0, into: &replies) }
    }
    return replies
  }

  @Test("cut after every byte: those whose reply was whole have it, all others fail, and nobody has another's", arguments: [1, 3, 7, .max])
  func cut(slices: Int) throws {
    let stream = Self.recorded.flatMap { Array($0.reply.utf8) }
    let whole = try Self.recorded.map { try #require(decode($0.reply.utf8).first) }
    var ends: [Int] = []
    for entry in Self.recorded { ends.append((ends.last ?? 0) + entry.reply.utf8.count) }
    for cut in 0...stream.count {
      var pending = PendingCommands<Int>()
      for index in whole.indices { _ = pending.append(index, commands: 1, bytes: 1, deadline: .distantFuture) }
      // Every third caller has left: his reply goes to nobody.
      for index in stride(from: 2, to: whole.count, by: 3) { _ = pending.abandon(UInt64(index)) }
      var received: [Int: RedisReply] = [:]
      for reply in try decode(stream.prefix(cut), slices: slices) {
        if case .completed(let owner, let replies) = pending.receive(reply) { received[owner] = replies.first }
      }
      let isWhole = { (index: Int) in ends[index] <= cut }
      let expected = whole.indices.filter { isWhole($0) && $0 % 3 != 2 }
      #expect(received == Dictionary(uniqueKeysWithValues: expected.map { ($0, whole[$0]) }), "cut at \(cut)")
      #expect(pending.removeAll() == whole.indices.filter { !isWhole($0) && $0 % 3 != 2 }, "cut at \(cut)")
    }
  }
}
