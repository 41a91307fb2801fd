import WeirCore

/// Which sessions of an upstream belong to whom, how many there may be, and when one has been idle for too long. Pure.
struct MemberTable<Member: AnyObject & Sendable>: Sendable {
  private struct Entry: Sendable {
    let member: Member
    let principal: Name
    var uses = 0
    var lastUsed: Moment
  }

  private let limit: Int
  private let idleTimeout: Duration
  private var entries: [Name: Entry] = [:]

  init(limit: Int, idleTimeout: Duration) {
    self.limit = limit
    self.idleTimeout = idleTimeout
  }

  var count: Int { entries.count }
  var members: [Member] { entries.values.map(\.member) }
  func member(of owner: Name) -> Member? { entries[owner]?.member }

  enum Taken {
    case known(Member)
    /// Made for this call, in the place of the one that is to be ended.
    case new(Member, ended: Member?)
    /// All are in use.
    case full
  }

  /// The member of this owner, which is in use from now on. One principal uses at most a quarter of all members at once.
  mutating func take(_ owner: Name, principal: Name, now: Moment, make: () -> Member) -> Taken {
    if let entry = entries[owner] {
      entries[owner]?.uses += 1
      return .known(entry.member)
    }
    guard entries.values.count(where: { $0.uses > 0 && $0.principal == principal }) < max(1, limit / 4) else { return .full }
    var ended: Member?
    if entries.count >= limit {
      let idle = entries.filter { $0.value.uses == 0 }.min { $0.value.lastUsed < $1.value.lastUsed }
      guard let idle else { return .full }
      ended = entries.removeValue(forKey: idle.key)?.member
    }
    let member = make()
    entries[owner] = Entry(member: member, principal: principal, uses: 1, lastUsed: now)
    return .new(member, ended: ended)
  }

  /// Whether somebody uses the member of this owner now.
  func isInUse(_ owner: Name) -> Bool { entries[owner].map { $0.uses > 0 } ?? false }

  /// A call that `take` had begun with this member is over. Another member may have the owner's place meanwhile.
  mutating func release(_ owner: Name, _ member: Member, now: Moment) {
    guard let entry = entries[owner], entry.member === member else { return }
    entries[owner]?.uses = max(0, entry.uses - 1)
    entries[owner]?.lastUsed = now
  }

  /// This member is of no more use; true where it had its owner's place still.
  mutating func remove(_ owner: Name, _ member: Member) -> Bool {
    guard entries[owner]?.member === member else { return false }
    entries[owner] = nil
    return true
  }

  /// The owner is gone: its member, to be ended.
  mutating func remove(_ owner: Name) -> Member? { entries.removeValue(forKey: owner)?.member }

  /// Members that nobody has used for too long, to be ended.
  mutating func expire(now: Moment) -> [Member] {
    let idle = entries.filter { $0.value.uses == 0 && now - $0.value.lastUsed >= idleTimeout }.map(\.key)
    return idle.compactMap { remove($0) }
  }
}
