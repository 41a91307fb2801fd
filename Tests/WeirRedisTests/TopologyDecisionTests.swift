import NIOCore
import Testing
import WeirRedis

@Suite struct RefreshGateTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  private func gate() -> RefreshGate {
    RefreshGate(shortest: .milliseconds(500), regular: .seconds(30), longestPause: .seconds(4))
  }

  @Test("the first is due at once, the next regularly, with jitter", arguments: [(0.0, 27), (0.5, 30), (1.0, 33), (7.0, 33)] as [(Double, Int64)])
  func regular(jitter: Double, seconds: Int64) {
    var gate = gate()
    #expect(gate.due <= start)
    gate.begin()
    gate.end(at: start, succeeded: true, jitter: jitter)
    #expect(gate.due == start + .seconds(seconds))
  }

  @Test("a reason brings it forward, but not before the shortest time has passed, and counts once")
  func requested() {
    var gate = gate()
    gate.begin()
    gate.end(at: start, succeeded: true, jitter: 0)
    let answers = [gate.request(), gate.request()]
    #expect(answers == [true, false])
    #expect(gate.due == start + .milliseconds(500))
    gate.begin()
    gate.end(at: start + .seconds(1), succeeded: true, jitter: 0)
    #expect(gate.due == start + .seconds(28))
  }

  @Test("a reason that comes up while one is under way wants another")
  func during() {
    var gate = gate()
    gate.begin()
    _ = gate.request()
    gate.end(at: start, succeeded: true, jitter: 0)
    #expect(gate.due == start + .milliseconds(500))
  }

  @Test("while nobody answers it is tried ever more seldom, and reasons change nothing")
  func failing() {
    var gate = gate()
    for pause in [500, 1000, 2000, 4000, 4000] as [Int64] {
      gate.begin()
      _ = gate.request()
      gate.end(at: start, succeeded: false, jitter: 1)
      #expect(gate.due == start + .milliseconds(pause))
    }
    gate.begin()
    gate.end(at: start, succeeded: true, jitter: 0)
    _ = gate.request()
    #expect(gate.due == start + .milliseconds(500), "one that succeeds starts over")
  }
}

@Suite struct SentinelTests {
  private let sentinel = RedisEndpoint.tcp(host: "s", port: 26_379)

  @Test("the question names the primary")
  func question() {
    #expect(SentinelAnswer.question("weir").map { String(decoding: $0, as: UTF8.self) } == ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "weir"])
  }

  @Test("an answer is an address, or that the name is unknown")
  func answers() {
    let ipv6 = RedisReply.array([.bulk(bytes("2001:db8::1")), .bulk(bytes("6379"))])
    #expect(SentinelAnswer(ipv6, asked: sentinel) == .primary(.tcp(host: "2001:db8::1", port: 6379)))
    #expect(SentinelAnswer(.bulk(nil), asked: sentinel) == .unknownName)
  }

  @Test(
    "other answers cannot be used",
    arguments: [
      .error("IDONTKNOW"), .simple("OK"), .array([]), .array([.bulk([104]), .bulk(bytes("0"))]), .array([.bulk([104]), .integer(1)]),
      .array([.bulk([]), .bulk(bytes("1"))]), .array([.bulk([0xFF]), .bulk(bytes("1"))]), .array([.bulk([104]), .bulk(bytes("65536"))]),
      .array([.bulk([104]), .bulk(bytes("1")), .bulk(bytes("1"))]), .array([.bulk(bytes("?")), .bulk(bytes("1"))]),
    ] as [RedisReply])
  func unusable(reply: RedisReply) {
    guard case .unusable = SentinelAnswer(reply, asked: sentinel) else { return problem("\(SentinelAnswer(reply, asked: sentinel))") }
  }

  @Test("the Sentinel that was right is asked first, one that was wrong last")
  func ring() {
    let all = (1...3).map { RedisEndpoint.tcp(host: "s", port: $0) }
    var ring = SentinelRing(all)
    ring.wasWrong(all[0])
    #expect(ring.order == [all[1], all[2], all[0]])
    ring.wasRight(all[2])
    #expect(ring.order == [all[2], all[1], all[0]])
    ring.wasRight(sentinel)
    #expect(ring.order.count == 3, "a stranger changes nothing")
  }
}

@Suite struct SubscriptionTableTests {
  private func push(_ kind: String, _ channel: String, _ payload: RedisReply = .integer(1)) -> RedisReply {
    .array([.bulk(bytes(kind)), .bulk(bytes(channel)), payload])
  }

  @Test("readers of one channel share one subscription, and get what comes once it is confirmed")
  func sharing() {
    var table = SubscriptionTable()
    let early = table.add(bytes("c"))
    #expect(!early.mustSubscribe && !early.isConfirmed)
    let channels = table.connect()
    #expect(channels == [bytes("c")])
    let second = table.add(bytes("c"))
    #expect(!second.mustSubscribe && !second.isConfirmed)
    #expect(table.receive(push("subscribe", "c")) == .confirmed([early.id, second.id]))
    let third = table.add(bytes("c"))
    #expect(third.isConfirmed)
    let other = table.add(bytes("d"))
    #expect(other.mustSubscribe)
    #expect(table.receive(push("message", "d", .bulk(bytes("early")))) == .message([4], bytes("early")))
    #expect(table.remove(early.id) == nil)
    #expect(table.receive(push("message", "c", .bulk([]))) == .message([2, 3], []))
    #expect(table.receive(push("message", "x", .bulk([]))) == .message([], []))
  }

  @Test("the last reader to leave ends the subscription")
  func leaving() {
    var table = SubscriptionTable()
    let reader = table.add(bytes("c"))
    _ = table.connect()
    #expect(table.remove(reader.id) == bytes("c"))
    #expect(table.remove(reader.id) == nil)
    #expect(table.isEmpty)
    let offline = SubscriptionTable()
    var other = offline
    let id = other.add(bytes("c")).id
    #expect(other.remove(id) == nil, "without a connection there is nothing to end")
  }

  @Test("a lost connection is told to those who were confirmed, and the next one subscribes again")
  func losing() {
    var table = SubscriptionTable()
    let first = table.add(bytes("c")).id
    _ = table.connect()
    let nobody = table.disconnect()
    #expect(nobody.isEmpty, "nothing was promised yet")
    _ = table.connect()
    _ = table.receive(push("subscribe", "c"))
    let late = table.add(bytes("d")).id
    let told = table.disconnect()
    #expect(told == [first])
    let channels = table.connect()
    #expect(Set(channels) == [bytes("c"), bytes("d")])
    #expect(table.receive(push("subscribe", "d")) == .confirmed([late]))
    #expect(table.receive(push("subscribe", "c")) == .confirmed([first]))
  }

  @Test("the confirmation of an earlier subscription does not pass for that of a later one")
  func stale() {
    var table = SubscriptionTable()
    _ = table.connect()
    let first = table.add(bytes("c"))
    #expect(first.mustSubscribe)
    #expect(table.remove(first.id) == bytes("c"))
    let second = table.add(bytes("c"))
    #expect(second.mustSubscribe)
    #expect(table.receive(push("subscribe", "c")) == .alive)
    #expect(table.receive(push("unsubscribe", "c", .integer(0))) == .alive)
    #expect(table.receive(push("subscribe", "c")) == .confirmed([second.id]))
  }

  @Test("PONG of either form says that the server lives", arguments: [.simple("PONG"), .array([.bulk(bytes("pong")), .bulk([])])] as [RedisReply])
  func alive(reply: RedisReply) {
    var table = SubscriptionTable()
    #expect(table.receive(reply) == .alive)
  }

  @Test(
    "what is no push message ends the connection",
    arguments: [
      .error("NOPERM x"), .integer(1), .bulk(nil), .array([]), .array([.integer(1)]), .array([.bulk(bytes("message"))]),
      .array([.bulk(bytes("message")), .bulk(bytes("c"))]), .array([.bulk(bytes("message")), .bulk(nil), .bulk([])]),
      .array([.bulk(bytes("subscribe"))]), .array([.bulk(bytes("subscribe")), .bulk(nil)]), .array([.bulk(bytes("else")), .bulk([])]),
    ] as [RedisReply])
  func wrong(reply: RedisReply) {
    var table = SubscriptionTable()
    guard case .wrong = table.receive(reply) else { return problem("it is accepted") }
  }
}
