internal import DequeModule
package import NIOCore

/// Who gets the next reply of a connection: a queue of requests, each with one slot per command.
///
/// Replies carry no name in RESP2; only their order says whose they are. So a request whose caller no longer waits **keeps its slots**, and
/// the replies that come for it are thrown away. No reply ever reaches another caller (CVE-2023-28858 is what happens otherwise).
package struct PendingCommands<Owner> {
  package struct Limits: Sendable, Hashable {
    /// More requests than these, abandoned and still unanswered, and the connection is not worth keeping.
    package var maxAbandoned: Int
    /// For how long after its deadline the oldest request may stay unanswered.
    package var grace: TimeAmount

    package init(maxAbandoned: Int = 1024, grace: TimeAmount = .milliseconds(500)) {
      self.maxAbandoned = maxAbandoned
      self.grace = grace
    }
  }

  /// What to do with a reply.
  package enum Receipt {
    /// The last one of a request: hand all its replies to its owner.
    case completed(Owner, [RedisReply])
    /// Kept until the rest of its request is there.
    case kept
    /// Nobody waits for it.
    case discarded
    /// Nobody asked for it: the connection is out of step and must be closed.
    case unexpected
  }

  /// What the clock brought.
  package struct Expiry {
    /// These have waited long enough: tell them. Their slots stay.
    package var timedOut: [Owner] = []
    /// The server has been silent too long: close, and fail everybody.
    package var mustClose = false
  }

  private struct Entry {
    /// Nil once abandoned.
    var owner: Owner?
    var remaining: Int
    var replies: [RedisReply]
    let bytes: Int
    let deadline: NIODeadline
  }

  private let limits: Limits
  private var entries: Deque<Entry> = []
  private var firstID: UInt64 = 0
  /// Requests that still have replies to come, abandoned ones included.
  package var count: Int { entries.count }
  /// Those of them that nobody waits for.
  package private(set) var abandoned = 0
  /// Bytes of these requests as they were sent.
  package private(set) var bytes = 0

  package init(limits: Limits = Limits()) {
    self.limits = limits
  }

  /// Adds a request of `commands` commands, which must now be written. The returned number is for `abandon`.
  package mutating func append(_ owner: Owner, commands: Int, bytes: Int, deadline: NIODeadline) -> UInt64 {
    entries.append(Entry(owner: owner, remaining: commands, replies: [], bytes: bytes, deadline: deadline))
    self.bytes += bytes
    return firstID + UInt64(entries.count - 1)
  }

  /// Assigns the next reply of the connection.
  package mutating func receive(_ reply: RedisReply) -> Receipt {
    guard !entries.isEmpty else { return .unexpected }
    entries[0].remaining -= 1
    if entries[0].owner != nil, entries[0].remaining > 0 || !entries[0].replies.isEmpty { entries[0].replies.append(reply) }
    guard entries[0].remaining == 0 else { return entries[0].owner == nil ? .discarded : .kept }
    let entry = entries.removeFirst()
    firstID += 1
    bytes -= entry.bytes
    guard let owner = entry.owner else {
      abandoned -= 1
      return .discarded
    }
    return .completed(owner, entry.replies.isEmpty ? [reply] : entry.replies)
  }

  /// The caller of this request no longer waits. Unknown and finished numbers are ignored.
  /// - Returns: True where the connection must be closed, because too many are abandoned.
  package mutating func abandon(_ id: UInt64) -> Bool {
    guard id >= firstID, id - firstID < UInt64(entries.count) else { return false }
    _ = abandon(at: Int(id - firstID))
    return abandoned > limits.maxAbandoned
  }

  /// Gives up on every request whose deadline has passed.
  package mutating func expire(at now: NIODeadline) -> Expiry {
    var expiry = Expiry()
    for index in entries.indices where entries[index].deadline <= now {
      if let owner = abandon(at: index) { expiry.timedOut.append(owner) }
    }
    if let head = entries.first, now >= head.deadline + limits.grace { expiry.mustClose = true }
    if abandoned > limits.maxAbandoned { expiry.mustClose = true }
    return expiry
  }

  /// When to call `expire` next, or nil while nothing is pending.
  package var nextExpiry: NIODeadline? {
    guard let head = entries.first else { return nil }
    let silence = head.deadline + limits.grace
    return entries.lazy.filter { $0.owner != nil }.map(\.deadline).min().map { min($0, silence) } ?? silence
  }

  /// Empties the queue at the end of the connection: everybody who still waits, to be told.
  package mutating func removeAll() -> [Owner] {
    let owners = entries.compactMap(\.owner)
    firstID += UInt64(entries.count)
    entries.removeAll()
    abandoned = 0
    bytes = 0
    return owners
  }

  private mutating func abandon(at index: Int) -> Owner? {
    guard let owner = entries[index].owner else { return nil }
    entries[index].owner = nil
    entries[index].replies = []
    abandoned += 1
    return owner
  }
}
