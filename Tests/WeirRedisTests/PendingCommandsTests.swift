import NIOCore
import Testing
import WeirRedis

@Suite struct PendingCommandsTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

  private func make(maxAbandoned: Int = 2) -> PendingCommands<String> {
    PendingCommands(limits: .init(maxAbandoned: maxAbandoned, grace: .milliseconds(500)))
  }

  private func next(_ pending: inout PendingCommands<String>, _ number: Int64) -> String {
    switch pending.receive(.integer(number)) {
    case .completed(let owner, let replies): "\(owner)=\(replies.map(text).joined(separator: ","))"
    case .kept: "kept"
    case .discarded: "discarded"
    case .unexpected: "unexpected"
    }
  }

  private func text(_ reply: RedisReply) -> String {
    if case .integer(let number) = reply { "\(number)" } else { "?" }
  }

  @Test("replies go to their requests in the order of the requests")
  func order() {
    var pending = make()
    _ = pending.append("a", commands: 1, bytes: 10, deadline: start)
    _ = pending.append("b", commands: 3, bytes: 20, deadline: start)
    _ = pending.append("c", commands: 1, bytes: 30, deadline: start)
    #expect(pending.count == 3 && pending.bytes == 60)
    let receipts = (1...6).map { next(&pending, $0) }
    #expect(receipts == ["a=1", "kept", "kept", "b=2,3,4", "c=5", "unexpected"])
    #expect(pending.count == 0 && pending.bytes == 0)
  }

  @Test("an abandoned request keeps its slots: the next caller gets its own reply (CVE-2023-28858)")
  func abandoned() {
    var pending = make()
    _ = pending.append("a", commands: 1, bytes: 1, deadline: start)
    let b = pending.append("b", commands: 2, bytes: 1, deadline: start)
    _ = pending.append("c", commands: 1, bytes: 1, deadline: start)
    let closes = [pending.abandon(b), pending.abandon(b)]
    #expect(closes == [false, false])
    #expect(pending.abandoned == 1)
    let receipts = (1...4).map { next(&pending, $0) }
    #expect(receipts == ["a=1", "discarded", "discarded", "c=4"])
    #expect(pending.abandoned == 0)
  }

  @Test("a request abandoned in the middle of its replies gives none of them away")
  func abandonedHalfway() {
    var pending = make()
    let a = pending.append("a", commands: 3, bytes: 1, deadline: start)
    _ = pending.append("b", commands: 1, bytes: 1, deadline: start)
    var receipts = [next(&pending, 1)]
    _ = pending.abandon(a)
    receipts += (2...4).map { next(&pending, $0) }
    #expect(receipts == ["kept", "discarded", "discarded", "b=4"])
  }

  @Test("a number of a finished or unknown request abandons nobody")
  func staleNumber() {
    var pending = make()
    let a = pending.append("a", commands: 1, bytes: 1, deadline: start)
    _ = pending.receive(.integer(1))
    let b = pending.append("b", commands: 1, bytes: 1, deadline: start)
    #expect(a != b)
    for id in [a, b + 1, .max] { _ = pending.abandon(id) }
    let receipt = next(&pending, 2)
    #expect(receipt == "b=2")
    _ = pending.append("c", commands: 1, bytes: 1, deadline: start)
    let left = pending.removeAll()
    #expect(left == ["c"])
    let d = pending.append("d", commands: 1, bytes: 1, deadline: start)
    #expect(d > b + 1)
  }

  @Test("a request times out at its deadline, once, wherever it stands")
  func expiry() {
    var pending = make(maxAbandoned: 10)
    _ = pending.append("a", commands: 1, bytes: 1, deadline: start + .milliseconds(75))
    _ = pending.append("b", commands: 1, bytes: 1, deadline: start + .milliseconds(20))
    #expect(pending.nextExpiry == start + .milliseconds(20))
    let times: [(at: Int64, timedOut: [String], mustClose: Bool, next: Int64)] = [
      (19, [], false, 20), (20, ["b"], false, 75), (80, ["a"], false, 575), (574, [], false, 575), (575, [], true, 575),
    ]
    for time in times {
      let expiry = pending.expire(at: start + .milliseconds(time.at))
      #expect(expiry.timedOut == time.timedOut && expiry.mustClose == time.mustClose, "at \(time.at) ms")
      #expect(pending.nextExpiry == start + .milliseconds(time.next), "at \(time.at) ms")
    }
  }

  @Test("a late reply within the grace keeps the connection")
  func lateReply() {
    var pending = make()
    _ = pending.append("a", commands: 1, bytes: 1, deadline: start + .milliseconds(75))
    let timedOut = pending.expire(at: start + .milliseconds(75)).timedOut
    let receipt = next(&pending, 1)
    let mustClose = pending.expire(at: start + .seconds(60)).mustClose
    #expect(timedOut == ["a"] && receipt == "discarded" && !mustClose)
    #expect(pending.nextExpiry == nil)
  }

  @Test("too many abandoned requests close the connection, by cancellation or by time")
  func tooMany() {
    var pending = make()
    let ids = (0..<3).map { pending.append("\($0)", commands: 1, bytes: 1, deadline: start) }
    let closes = ids.map { pending.abandon($0) }
    #expect(closes == [false, false, true])
    var timed = make()
    for name in ["a", "b", "c"] { _ = timed.append(name, commands: 1, bytes: 1, deadline: start) }
    let expiry = timed.expire(at: start)
    #expect(expiry.timedOut == ["a", "b", "c"] && expiry.mustClose)
  }

  @Test("the end of the connection tells everybody who still waits, in order")
  func removeAll() {
    var pending = make()
    let a = pending.append("a", commands: 1, bytes: 1, deadline: start)
    _ = pending.append("b", commands: 2, bytes: 1, deadline: start)
    _ = pending.receive(.integer(0))
    _ = pending.receive(.integer(0))
    _ = pending.append("c", commands: 1, bytes: 1, deadline: start)
    _ = pending.abandon(a)
    let left = pending.removeAll()
    let receipt = next(&pending, 1)
    #expect(left == ["b", "c"] && receipt == "unexpected")
    #expect(pending.abandoned == 0 && pending.bytes == 0)
  }

  @Test("random requests, cancellations and time: no reply ever reaches another request", arguments: 0..<20 as Range<UInt64>)
  func property(seed: UInt64) {
    var random = SplitMix64(state: seed)
    var pending = PendingCommands<Int64>(limits: .init(maxAbandoned: 1000, grace: .seconds(1000)))
    var now = start
    var wire: [(request: Int64, part: Int64)] = []
    var live: [Int64: UInt64] = [:]
    var sizes: [Int64: Int] = [:]
    var wrong = 0
    for request in 0..<2000 as Range<Int64> {
      let commands = Int.random(in: 1...3, using: &random)
      let id = pending.append(request, commands: commands, bytes: 1, deadline: now + .milliseconds(.random(in: 1...50, using: &random)))
      live[request] = id
      sizes[request] = commands
      for part in 0..<Int64(commands) { wire.append((request, part)) }
      if Bool.random(using: &random), let victim = live.keys.sorted().randomElement(using: &random) {
        if let id = live.removeValue(forKey: victim) { _ = pending.abandon(id) }
      }
      now = now + .milliseconds(.random(in: 0...5, using: &random))
      for owner in pending.expire(at: now).timedOut { if live.removeValue(forKey: owner) == nil { wrong += 1 } }
      for _ in 0..<Int.random(in: 0...4, using: &random) where !wire.isEmpty {
        let next = wire.removeFirst()
        switch pending.receive(.array([.integer(next.request), .integer(next.part)])) {
        case .completed(let owner, let replies):
          let expected = (0..<Int64(sizes[owner] ?? 0)).map { RedisReply.array([.integer(owner), .integer($0)]) }
          if replies != expected || live.removeValue(forKey: owner) == nil { wrong += 1 }
        case .kept: if live[next.request] == nil { wrong += 1 }
        case .discarded: if live[next.request] != nil { wrong += 1 }
        case .unexpected: wrong += 1
        }
      }
    }
    #expect(wrong == 0)
  }
}
