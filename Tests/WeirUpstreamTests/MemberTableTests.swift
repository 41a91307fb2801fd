import Testing
import WeirCore

@testable import WeirUpstream

@Suite("Sessions that callers have for themselves")
struct MemberTableTests {
  private static let start = Moment.zero + .seconds(1)

  private final class Member: Sendable {
    let number: Int
    init(_ number: Int) { self.number = number }
  }

  /// What `take` did, in a word.
  private static func take(
    _ owner: Name, _ number: Int, of principal: Name? = nil, _ table: inout MemberTable<Member>
  ) -> (word: String, member: Member?) {
    switch table.take(owner, principal: principal ?? owner, now: start, make: { Member(number) }) {
    case .known(let member): ("known \(member.number)", member)
    case .new(let member, let ended): ("new \(member.number)" + (ended.map { " for \($0.number)" } ?? ""), member)
    case .full: ("full", nil)
    }
  }

  @Test("each owner has one, and the one idle for longest gives way where there are too many")
  func evicted() throws {
    var table = MemberTable<Member>(limit: 2, idleTimeout: .seconds(60))
    #expect(Self.take("a", 1, &table).word == "new 1")
    #expect(Self.take("a", 9, &table).word == "known 1")
    let b = Self.take("b", 2, &table)
    #expect(b.word == "new 2")
    #expect(Self.take("c", 3, &table).word == "full", "those in use are not ended")
    table.release("b", try #require(b.member), now: Self.start + .seconds(1))
    #expect(Self.take("c", 3, &table).word == "new 3 for 2")
    #expect(table.count == 2)
  }

  @Test("one that nobody uses ends, one in use does not")
  func expired() throws {
    var table = MemberTable<Member>(limit: 4, idleTimeout: .seconds(60))
    let (a, b) = (Self.take("a", 1, &table), Self.take("b", 2, &table))
    table.release("a", try #require(a.member), now: Self.start)
    #expect(table.expire(now: Self.start + .seconds(59)).isEmpty)
    #expect(table.expire(now: Self.start + .seconds(60)).map(\.number) == [1])
    #expect(table.remove("b")?.number == 2)
    // Its call ends after it.
    table.release("b", try #require(b.member), now: Self.start)
    #expect(table.count == 0)
  }

  @Test("issue 4: a call that ends after its member's end leaves the next one alone")
  func replaced() throws {
    var table = MemberTable<Member>(limit: 4, idleTimeout: .seconds(60))
    let first = try #require(Self.take("a", 1, &table).member)
    _ = table.remove("a")
    let second = try #require(Self.take("a", 2, &table).member)
    table.release("a", first, now: Self.start)
    #expect(table.isInUse("a"))
    let isGone = table.remove("a", first)
    #expect(!isGone)
    table.release("a", second, now: Self.start)
    #expect(!table.isInUse("a"))
    let isRemoved = table.remove("a", second)
    #expect(isRemoved)
    #expect(table.count == 0)
  }

  @Test("issue 4: one principal uses a quarter of them at once, and others find room")
  func shared() throws {
    var table = MemberTable<Member>(limit: 8, idleTimeout: .seconds(60))
    let first = try #require(Self.take("p1", 1, of: "p", &table).member)
    #expect(Self.take("p2", 2, of: "p", &table).word == "new 2")
    #expect(Self.take("p3", 3, of: "p", &table).word == "full")
    #expect(Self.take("q1", 4, of: "q", &table).word == "new 4")
    table.release("p1", first, now: Self.start)
    #expect(Self.take("p3", 3, of: "p", &table).word == "new 3")
  }
}
