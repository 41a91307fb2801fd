import Testing
import WeirCore

@testable import WeirUpstream

@Suite("Sessions that callers have for themselves")
struct MemberTableTests {
  private static let start = Moment.zero + .seconds(1)

  @Test("each owner has one, and the one idle for longest gives way where there are too many")
  func evicted() {
    var table = MemberTable<Int>(limit: 2, idleTimeout: .seconds(60))
    guard case .new(1, ended: nil) = table.take("a", now: Self.start, make: { 1 }) else { return #expect(Bool(false), "a has none") }
    guard case .known(1) = table.take("a", now: Self.start, make: { 9 }) else { return #expect(Bool(false), "a has another") }
    _ = table.take("b", now: Self.start, make: { 2 })
    guard case .full = table.take("c", now: Self.start, make: { 3 }) else { return #expect(Bool(false), "one in use was ended") }
    table.release("b", now: Self.start + .seconds(1))
    guard case .new(3, ended: 2) = table.take("c", now: Self.start, make: { 3 }) else { return #expect(Bool(false), "b did not give way") }
    #expect(table.count == 2)
  }

  @Test("one that nobody uses ends, one in use does not")
  func expired() {
    var table = MemberTable<Int>(limit: 4, idleTimeout: .seconds(60))
    _ = table.take("a", now: Self.start, make: { 1 })
    _ = table.take("b", now: Self.start, make: { 2 })
    table.release("a", now: Self.start)
    #expect(table.expire(now: Self.start + .seconds(59)).isEmpty)
    #expect(table.expire(now: Self.start + .seconds(60)) == [1])
    #expect(table.remove("b") == 2)
    // Its call ends after it.
    table.release("b", now: Self.start)
    #expect(table.count == 0)
  }
}
