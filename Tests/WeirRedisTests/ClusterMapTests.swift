import Testing
import WeirRedis

@Suite struct ClusterMapTests {
  @Test(
    "the slot of a key is that of its hash tag, which is the first braces with something between them",
    arguments: [
      // The check value of CRC16 XMODEM, and keys whose slots redis-server gave (CLUSTER KEYSLOT).
      ("123456789", 0x31C3), ("", 0), ("foo", 12182), ("{foo}", 12182), ("a{foo}b{bar}", 12182), ("{}foo", 9500), ("foo{", 7673),
      ("{foo", 13308), ("x{{foo}}", 13308), ("a}{foo}", 12182), ("ü", 9552),
    ])
  func slots(key: String, slot: Int) {
    #expect(ClusterSlot(of: bytes(key)).number == slot % 16_384)
  }

  @Test("there are 16,384 slots", arguments: [(0, true), (16_383, true), (16_384, false), (-1, false), (Int.max, false)])
  func bounds(number: Int, isOne: Bool) {
    #expect((ClusterSlot(number: number) != nil) == isOne)
  }

  private let asked = RedisEndpoint.tcp(host: "seed", port: 7000)

  private func range(_ first: Int64, _ last: Int64, _ host: String?, _ port: Int64) -> RedisReply {
    let server: RedisReply = .array([.bulk(host.map(bytes)), .integer(port), .bulk(bytes("id")), .array([])])
    return .array([.integer(first), .integer(last), server, .array([.bulk(bytes("replica")), .integer(1), .bulk(bytes("id"))])])
  }

  private func owner(_ map: SlotMap?, _ slot: Int) -> RedisEndpoint? {
    ClusterSlot(number: slot).flatMap { map?.owner(of: $0) }
  }

  @Test("a map has the first server of each range; a server without a name is where the answer came from")
  func reading() {
    let map = SlotMap(.array([range(0, 5460, "10.0.0.1", 7001), range(5461, 9999, nil, 7002), range(10_001, 16_383, "", 7003)]), asked: asked)
    #expect(owner(map, 0) == .tcp(host: "10.0.0.1", port: 7001))
    #expect(owner(map, 5460) == .tcp(host: "10.0.0.1", port: 7001))
    #expect(owner(map, 5461) == .tcp(host: "seed", port: 7002))
    #expect(owner(map, 10_000) == nil)
    #expect(owner(map, 16_383) == .tcp(host: "seed", port: 7003))
    #expect(map?.endpoints.count == 3)
  }

  @Test("a server whose name is unknown is left out, the others are not")
  func unknownName() {
    let map = SlotMap(.array([range(0, 1, "?", 7001), range(2, 3, "h", 7002), range(4, 5, "h", 0), range(6, 7, "h", 70_000)]), asked: asked)
    #expect([0, 2, 4, 6].map { owner(map, $0) } == [nil, .tcp(host: "h", port: 7002), nil, nil])
  }

  @Test(
    "what is no map is none",
    arguments: [
      .array([]), .bulk(nil), .simple("OK"), .error("ERR This instance has cluster support disabled"), .array([.integer(1)]),
      .array([.array([.integer(0), .integer(1)])]), .array([.array([.integer(0), .integer(16_384), .array([.bulk([104]), .integer(1)])])]),
      .array([.array([.integer(5), .integer(4), .array([.bulk([104]), .integer(1)])])]),
      .array([.array([.integer(-1), .integer(4), .array([.bulk([104]), .integer(1)])])]),
      .array([.array([.integer(.min), .integer(.max), .array([.bulk([104]), .integer(.max)])])]),
      .array([.array([.integer(0), .integer(4), .array([.bulk([104])])])]), .array([.array([.integer(0), .integer(4), .bulk([104])])]),
      .array([.array([.integer(0), .integer(4), .array([.bulk([0xFF]), .integer(0)])])]),
    ] as [RedisReply])
  func noMap(reply: RedisReply) {
    #expect(SlotMap(reply, asked: asked) == nil)
  }

  @Test("a slot that moved is where it moved, the others stay")
  func moving() throws {
    var map = try #require(SlotMap(.array([range(0, 16_383, "a", 1)]), asked: asked))
    let before = map
    let seven = try #require(ClusterSlot(number: 7))
    map.move(seven, to: .tcp(host: "b", port: 2))
    #expect([6, 7, 8].map { owner(map, $0) } == [.tcp(host: "a", port: 1), .tcp(host: "b", port: 2), .tcp(host: "a", port: 1)])
    #expect(!map.agrees(with: before) && before.agrees(with: before))
  }

  @Test("more servers than a cluster may have are not believed")
  func tooMany() throws {
    var map = SlotMap()
    let slot = try #require(ClusterSlot(number: 0))
    let accepted = (1...1001).map { map.move(slot, to: .tcp(host: "h", port: $0)) }
    #expect(accepted.filter { $0 }.count == 1000 && accepted.last == false)
    #expect(owner(map, 0) == .tcp(host: "h", port: 1000))
  }
}
