import NIOCore
import Testing
import WeirRedis

@Suite struct RedirectionTests {
  private static let slot = ClusterSlot(number: 3999)

  private static func address(_ host: String?, _ port: Int) -> RedisAddress? { RedisAddress(host: host, port: port) }

  @Test(
    "MOVED names a slot and a server; an IPv6 address has no brackets, an empty host is the server's own",
    arguments: [
      ("MOVED 3999 127.0.0.1:6381", "127.0.0.1", 6381), ("MOVED 3999 :6381", nil, 6381), ("MOVED 3999 2001:db8::1:6381", "2001:db8::1", 6381),
      ("MOVED 3999 cache-1.internal:6381", "cache-1.internal", 6381), ("MOVED 3999 h:1 more words", "h", 1),
    ] as [(String, String?, Int)])
  func moved(text: String, host: String?, port: Int) throws {
    #expect(Redirection(.error(text)) == .moved(try #require(Self.slot), try #require(Self.address(host, port))))
  }

  @Test("ASK, TRYAGAIN and NOSCRIPT are known")
  func others() throws {
    #expect(Redirection(.error("ASK 3999 h:6381")) == .ask(try #require(Self.address("h", 6381))))
    #expect(Redirection(.error("TRYAGAIN Multiple keys request during rehashing of slot")) == .tryAgain)
    #expect(Redirection(.error("NOSCRIPT No matching script. Please use EVAL.")) == .scriptMissing)
  }

  @Test(
    "other replies redirect nobody",
    arguments: [
      .simple("MOVED 1 h:1"), .bulk(bytes("MOVED 1 h:1")), .error("MOVED"), .error("MOVED x h:1"), .error("MOVED 16384 h:1"), .error("MOVED -1 h:1"),
      .error("MOVED 1 h"), .error("MOVED 1 h:"), .error("MOVED 1 h:0"), .error("MOVED 1 h:65536"), .error("MOVED 1 h:+80"), .error("MOVED 1 ?:6379"),
      .error("MOVED 99999999999999999999 h:1"), .error("ASK 1 h:99999999999999999999"), .error("ERR MOVED 1 h:1"), .error(""), .error(" "),
    ] as [RedisReply])
  func none(reply: RedisReply) {
    #expect(Redirection(reply) == nil)
  }

  @Test("what a server says that cannot serve at present", arguments: ["LOADING x", "READONLY x", "MASTERDOWN x", "CLUSTERDOWN x", "CLUSTERDOWN"])
  func unready(text: String) {
    #expect(RedisReply.error(text).unreadiness == text.prefix { $0 != " " })
    #expect(RedisReply.simple(text).unreadiness == nil)
  }

  @Test("other refusals are the command's own", arguments: ["ERR x", "WRONGTYPE x", "NOPERM x", "OOM x", "READONLYX"])
  func ready(text: String) {
    #expect(RedisReply.error(text).unreadiness == nil)
  }

  @Test("an address without a host is reached where the one that named it was")
  func resolution() throws {
    let own = try #require(Self.address("", 7001))
    #expect(own.endpoint(asked: .tcp(host: "a", port: 7000)) == .tcp(host: "a", port: 7001))
    #expect(own.endpoint(asked: .unix(path: "/s")) == nil)
    #expect(try #require(Self.address("b", 1)).endpoint(asked: .unix(path: "/s")) == .tcp(host: "b", port: 1))
  }
}

@Suite struct CommandJourneyTests {
  private let script = RedisScript("return 1")
  private let get = RedisCommand("GET", bytes("k"))
  private let set = RedisCommand("SET", bytes("k"), bytes("v"))

  private func texts(_ journey: CommandJourney) -> [String] {
    journey.commands.map { $0.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ") }
  }

  private func moved(_ host: String) throws -> CommandJourney.Destination {
    .moved(try #require(ClusterSlot(number: 1)), try #require(RedisAddress(host: host, port: 1)))
  }

  private func ask(_ host: String) throws -> CommandJourney.Destination {
    .ask(try #require(RedisAddress(host: host, port: 1)))
  }

  @Test("replies that are answers end it, refusals of the command's own too")
  func plain() {
    var journey = CommandJourney([get, set])
    #expect(texts(journey) == ["GET k", "SET k v"])
    #expect(journey.receive([.bulk(nil), .error("OOM x")]) == .finished([.bulk(nil), .error("OOM x")]))
  }

  @Test("MOVED sends only what was refused, where it is said")
  func moving() throws {
    var journey = CommandJourney([get, set])
    #expect(journey.receive([.simple("a"), .error("MOVED 1 b:1")]) == .send(try moved("b"), after: .zero))
    #expect(texts(journey) == ["SET k v"])
    #expect(journey.receive([.simple("OK")]) == .finished([.simple("a"), .simple("OK")]))
  }

  @Test("ASK sends ASKING before each command, once; MOVED after it sends none")
  func asking() throws {
    var journey = CommandJourney([get, set])
    #expect(journey.receive([.error("ASK 1 b:1"), .error("ASK 1 b:1")]) == .send(try ask("b"), after: .zero))
    #expect(texts(journey) == ["ASKING", "GET k", "ASKING", "SET k v"])
    #expect(journey.receive([.simple("OK"), .simple("x"), .simple("OK"), .error("MOVED 1 c:1")]) == .send(try moved("c"), after: .zero))
    #expect(texts(journey) == ["SET k v"])
    #expect(journey.receive([.simple("y")]) == .finished([.simple("x"), .simple("y")]))
  }

  @Test("MOVED counts for more than ASK in the same replies")
  func both() throws {
    for replies in [[RedisReply.error("ASK 1 a:1"), .error("MOVED 1 b:1")], [.error("MOVED 1 b:1"), .error("ASK 1 a:1")]] {
      var journey = CommandJourney([get, set])
      #expect(journey.receive(replies) == .send(try moved("b"), after: .zero))
      #expect(texts(journey) == ["GET k", "SET k v"])
    }
  }

  @Test("TRYAGAIN asks the slot's owner again, each time after a longer pause")
  func tryAgain() {
    var journey = CommandJourney([get])
    for pause in [2, 4, 8, 16, 32, 50, 50] as [Int64] {
      #expect(journey.receive([.error("TRYAGAIN x")], jitter: 1) == .send(.owner, after: .milliseconds(pause)))
      #expect(texts(journey) == ["GET k"])
    }
    #expect(journey.receive([.simple("v")]) == .finished([.simple("v")]))
  }

  @Test("TRYAGAIN at the end of an ASK goes back to the owner, without ASKING")
  func tryAgainAfterAsk() throws {
    var journey = CommandJourney([get])
    #expect(journey.receive([.error("ASK 1 b:1")]) == .send(try ask("b"), after: .zero))
    #expect(journey.receive([.simple("OK"), .error("TRYAGAIN x")], jitter: 0) == .send(.owner, after: .milliseconds(1)))
    #expect(texts(journey) == ["GET k"])
  }

  @Test("a script that the server lost is sent with its source, in its place among the others' replies, once")
  func scripts() {
    let run = RedisCommand(script, keys: [bytes("k")], arguments: [bytes("a")])
    let digest = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
    var journey = CommandJourney([get, run, set])
    #expect(texts(journey) == ["GET k", "EVALSHA \(digest) 1 k a", "SET k v"])
    #expect(journey.receive([.simple("1"), .error("NOSCRIPT x"), .simple("3")]) == .send(.same, after: .zero))
    #expect(texts(journey) == ["SCRIPT LOAD return 1", "EVAL return 1 1 k a"])
    var again = journey
    #expect(journey.receive([.bulk(bytes(digest)), .simple("2")]) == .finished([.simple("1"), .simple("2"), .simple("3")]))
    #expect(again.receive([.error("NOPERM"), .error("NOSCRIPT y")]) == .finished([.simple("1"), .error("NOSCRIPT y"), .simple("3")]))
  }

  @Test("a script that moves to a server that does not know it keeps its ASKING")
  func scriptBehindAsk() throws {
    var journey = CommandJourney([RedisCommand(script, keys: [bytes("k")], arguments: [])])
    #expect(journey.receive([.error("ASK 1 b:1")]) == .send(try ask("b"), after: .zero))
    #expect(journey.receive([.simple("OK"), .error("NOSCRIPT x")]) == .send(.same, after: .zero))
    #expect(texts(journey) == ["SCRIPT LOAD return 1", "ASKING", "EVAL return 1 1 k"])
  }

  @Test("a command called NOSCRIPT by a plain command's reply is no script to send")
  func noScript() {
    var journey = CommandJourney([get])
    #expect(journey.receive([.error("NOSCRIPT x")]) == .finished([.error("NOSCRIPT x")]))
  }

  @Test("servers that point at each other are followed five times")
  func ring() throws {
    var journey = CommandJourney([get])
    for _ in 0..<5 { #expect(journey.receive([.error("MOVED 1 b:1")]) == .send(try moved("b"), after: .zero)) }
    guard case .failed(let error) = journey.receive([.error("MOVED 1 b:1")]) else { return problem("it goes on") }
    #expect(error.code == .notReady)
  }

  @Test("a number of replies that does not fit is an error")
  func mismatch() {
    var journey = CommandJourney([get, set])
    guard case .failed(let error) = journey.receive([.simple("1")]) else { return problem("it goes on") }
    #expect(error.code == .protocolError)
  }
}
