import Testing
import WeirRedis

@Suite struct RedisHandshakeTests {
  private func handshake(_ url: String) throws -> RedisHandshake {
    let url = try RedisURL(parsing: url)
    return RedisHandshake(endpoint: url.endpoint, user: url.user, password: url.password, database: url.database, clientName: "weir")
  }

  @Test(
    "it says what the URL asks for, and a PING",
    arguments: [
      ("redis://h", ["CLIENT SETNAME weir", "PING"]), ("redis://:p@h/0", ["AUTH p", "CLIENT SETNAME weir", "PING"]),
      ("redis://u:p@h/4", ["AUTH u p", "SELECT 4", "CLIENT SETNAME weir", "PING"]),
    ])
  func commands(url: String, expected: [String]) throws {
    let commands = try handshake(url).commands.map { $0.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ") }
    #expect(commands == expected)
  }

  @Test(
    "answers of a server that can be used",
    arguments: [
      [.simple("OK"), .simple("OK"), .simple("PONG")], [.simple("OK"), .error("NOPERM no client"), .error("NOPERM no ping")],
      [.simple("OK"), .error("ERR unknown command 'CLIENT'"), .simple("PONG")],
    ] as [[RedisReply]])
  func accepted(replies: [RedisReply]) throws {
    try handshake("redis://:p@h").check(replies)
  }

  @Test(
    "answers of a server that cannot be used say what to do and repeat no password",
    arguments: [
      ([.error("WRONGPASS invalid hunter2"), .error("NOAUTH"), .error("NOAUTH"), .error("NOAUTH")], .authentication, "check both"),
      ([.error("ERR AUTH hunter2 called without"), .simple("OK"), .simple("OK"), .simple("PONG")], .authentication, "check both"),
      ([.simple("OK"), .error("ERR DB index is out of range"), .simple("OK"), .simple("PONG")], .connectFailed, "database 2"),
      ([.simple("OK"), .simple("OK"), .simple("OK"), .error("LOADING Redis is loading")], .connectFailed, "not ready"),
      ([.simple("OK"), .simple("OK"), .error("NOAUTH Authentication required."), .error("NOAUTH x")], .authentication, "wants a password"),
    ] as [([RedisReply], RedisError.Code, String)])
  func refused(replies: [RedisReply], code: RedisError.Code, words: String) throws {
    let handshake = try handshake("redis://:hunter2@h/2")
    let error = #expect(throws: RedisError.self) { try handshake.check(replies) }
    #expect(error?.code == code)
    #expect(error?.message.contains(words) == true)
    #expect(error?.message.contains("hunter2") == false)
  }
}
