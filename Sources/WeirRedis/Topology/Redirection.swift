/// What a server's refusal says about where and when to ask again.
package enum Redirection: Sendable, Hashable {
  /// Another server has the slot now: ask there, this time and from now on.
  case moved(ClusterSlot, RedisAddress)
  /// The slot is on its way to another server, and the key is there already: ask there this time, after `ASKING`.
  case ask(RedisAddress)
  /// The slot is on its way and its keys are at both ends: ask again soon.
  case tryAgain
  /// The server does not know the script: send its source.
  case scriptMissing

  /// - Returns: nil where the reply is no refusal, or another one.
  package init?(_ reply: RedisReply) {
    guard case .error(let text) = reply else { return nil }
    let words = text.split(separator: " ", maxSplits: 3)
    switch words.first {
    case "MOVED":
      guard words.count >= 3, let slot = Int(words[1]).flatMap(ClusterSlot.init), let address = RedisAddress(parsing: words[2]) else { return nil }
      self = .moved(slot, address)
    case "ASK":
      guard words.count >= 3, let address = RedisAddress(parsing: words[2]) else { return nil }
      self = .ask(address)
    case "TRYAGAIN": self = .tryAgain
    case "NOSCRIPT": self = .scriptMissing
    default: return nil
    }
  }
}

extension RedisReply {
  /// The kind of a refusal that says that the server cannot serve at present: it still loads its data, is no primary (any more), has lost its
  /// own, or its cluster has holes.
  package var unreadiness: Substring? {
    guard let kind = errorKind, ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN"].contains(kind) else { return nil }
    return kind
  }
}
