import WeirCore

/// Counts the bytes of answers that wait for their clients, and decides who goes where they are too many. No I/O.
///
/// Two things are counted: what waits in a connection's channel, and the large answers that are still to be written there. An answer that many
/// connections share counts once.
struct AnswerBook: Sendable {
  typealias LeaseID = Int
  typealias ConnectionID = ObjectIdentifier

  /// What a shared answer is known by: the address of its bytes, which is nobody else's while they are held.
  struct Content: Hashable, Sendable {
    private let address: UInt
    let bytes: Int

    init(_ bytes: [UInt8]) {
      address = bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
      self.bytes = bytes.count
    }
  }

  /// A connection whose output is backed up.
  private struct Waiting {
    var bytes: Int
    /// When its peer last took something.
    var since: Moment
    var lease: LeaseID?
  }

  private let limit: Int
  private let patience: Duration
  private var holders: [Content: Int] = [:]
  private var leases: [LeaseID: Content] = [:]
  private var waiting: [ConnectionID: Waiting] = [:]
  private var lastLease = 0
  /// All that is counted now.
  private(set) var bytes = 0

  /// `patience`: who has taken something within this time is not closed for another's large answer.
  init(limit: Int, patience: Duration) {
    self.limit = limit
    self.patience = patience
  }

  /// Room for a large answer. A quarter of all is left for what is on its way into sockets. Where there is no room, connections whose peers
  /// stalled are to be closed; where that does not make room, there is no lease.
  mutating func lease(_ content: Content, now: Moment) -> (id: LeaseID?, closing: [ConnectionID]) {
    var closing: [ConnectionID] = []
    while holders[content] == nil, bytes + content.bytes > limit - limit / 4 {
      guard let stalled = longest(), now - stalled.since >= patience else { return (nil, closing) }
      closing.append(stalled.id)
      drop(stalled.id)
    }
    if holders[content] == nil { bytes += content.bytes }
    holders[content, default: 0] += 1
    lastLease += 1
    leases[lastLease] = content
    return (lastLease, closing)
  }

  /// Nobody holds this lease any more. Nothing happens where it was taken away.
  mutating func end(_ lease: LeaseID) {
    guard let content = leases.removeValue(forKey: lease) else { return }
    let rest = holders[content, default: 1] - 1
    holders[content] = rest > 0 ? rest : nil
    if rest <= 0 { bytes -= content.bytes }
  }

  /// So many bytes wait in this connection's channel (0: none any more), and its peer last took some at `since`. Returns the connections to
  /// be closed where all of them are too many, first those whose peers took nothing for longest.
  mutating func hold(_ connection: ConnectionID, bytes held: Int, since: Moment?, lease: LeaseID?) -> [ConnectionID] {
    bytes -= waiting.removeValue(forKey: connection)?.bytes ?? 0
    if let since, held > 0 {
      waiting[connection] = Waiting(bytes: held, since: since, lease: lease)
      bytes += held
    }
    var closing: [ConnectionID] = []
    while bytes > limit, let longest = longest() {
      closing.append(longest.id)
      drop(longest.id)
    }
    return closing
  }

  private func longest() -> (id: ConnectionID, since: Moment)? {
    waiting.min { $0.value.since < $1.value.since }.map { ($0.key, $0.value.since) }
  }

  private mutating func drop(_ connection: ConnectionID) {
    guard let gone = waiting.removeValue(forKey: connection) else { return }
    bytes -= gone.bytes
    if let lease = gone.lease { end(lease) }
  }
}
