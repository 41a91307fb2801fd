package import NIOCore

/// The way of one request through the servers: what to send, what its replies mean, and what to send where next. Has no I/O.
///
/// What was refused is sent again, and nothing else: commands behind it may have been carried out before it. A refused command has done nothing.
package struct CommandJourney: Sendable {
  package enum Destination: Sendable, Hashable {
    /// Where the last round went.
    case same
    /// Whoever has the key by now.
    case owner
    /// Where this slot is from now on.
    case moved(ClusterSlot, RedisAddress)
    /// For this time only.
    case ask(RedisAddress)
  }

  package enum Step: Sendable, Hashable {
    /// One reply for each command, in their order.
    case finished([RedisReply])
    /// `commands` are to be sent after a pause.
    case send(Destination, after: TimeAmount)
    case failed(RedisError)
  }

  private struct Item {
    let command: RedisCommand
    var reply: RedisReply?
    var bySource = false
  }

  /// More than a slot on the move can cause; a ring of servers that point at each other ends here.
  private static let maxRedirections = 5
  private var items: [Item]
  private var isAsking = false
  private var redirections = 0
  private var pause = TimeAmount.milliseconds(2)
  /// What the next round sends: the item that each command's reply belongs to, or nil for replies that nobody needs.
  private var owners: [Int?] = []
  package private(set) var commands: [[[UInt8]]] = []

  package init(_ commands: [RedisCommand]) {
    items = commands.map { Item(command: $0) }
    prepare()
  }

  private mutating func prepare() {
    commands.removeAll(keepingCapacity: true)
    owners.removeAll(keepingCapacity: true)
    for (index, item) in items.enumerated() where item.reply == nil {
      if item.bySource, let load = item.command.load { add(load, nil) }
      if isAsking { add([Array("ASKING".utf8)], nil) }
      add(item.bySource ? item.command.wordsWithSource : item.command.words, index)
    }
  }

  private mutating func add(_ command: [[UInt8]], _ owner: Int?) {
    commands.append(command)
    owners.append(owner)
  }

  /// Takes the replies to `commands`, and makes `commands` those of the next round where there is one.
  /// - Parameter jitter: A random number from 0 to 1.
  package mutating func receive(_ replies: [RedisReply], jitter: Double = 0.5) -> Step {
    guard replies.count == owners.count else { return .failed(RedisError(.protocolError, "\(owners.count) commands with \(replies.count) replies")) }
    var elsewhere: Destination?
    var mustWait = false
    for (owner, reply) in zip(owners, replies) {
      guard let owner else { continue }
      switch Redirection(reply) {
      case .moved(let slot, let address): elsewhere = .moved(slot, address)
      case .ask(let address): elsewhere = elsewhere ?? .ask(address)
      case .tryAgain: mustWait = true
      case .scriptMissing where !items[owner].bySource && items[owner].command.load != nil: items[owner].bySource = true
      case .scriptMissing, nil: items[owner].reply = reply
      }
    }
    let answers = items.compactMap(\.reply)
    if answers.count == items.count { return .finished(answers) }
    if let elsewhere { return redirected(elsewhere) }
    if mustWait { return later(jitter: jitter) }
    prepare()
    return .send(.same, after: .zero)
  }

  private mutating func later(jitter: Double) -> Step {
    isAsking = false
    prepare()
    let wait = Double(pause.nanoseconds) * (0.5 + 0.5 * min(max(jitter, 0), 1))
    pause = min(.nanoseconds(pause.nanoseconds * 2), .milliseconds(50))
    return .send(.owner, after: .nanoseconds(Int64(wait)))
  }

  private mutating func redirected(_ destination: Destination) -> Step {
    redirections += 1
    guard redirections <= Self.maxRedirections else {
      return .failed(RedisError(.notReady, "the cluster's servers point at each other: \(redirections) redirections for one command"))
    }
    if case .ask = destination { isAsking = true } else { isAsking = false }
    prepare()
    return .send(destination, after: .zero)
  }
}
