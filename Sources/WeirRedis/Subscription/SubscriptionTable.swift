/// Who subscribes to what on the one connection for that, and what the server has confirmed. Has no I/O.
package struct SubscriptionTable: Sendable {
  package typealias ID = UInt64

  /// What a reply on the subscribing connection means.
  package enum Receipt: Sendable, Hashable {
    /// For these.
    case message(Set<ID>, [UInt8])
    /// From now on these get what is published.
    case confirmed(Set<ID>)
    /// The server is alive, nothing else.
    case alive
    /// It refused, or said what is no push message: the connection must be closed.
    case wrong(String)
  }

  private struct Channel {
    var readers: Set<ID> = []
    var isConfirmed = false
  }

  private var channels: [[UInt8]: Channel] = [:]
  private var channelOf: [ID: [UInt8]] = [:]
  /// `SUBSCRIBE`s of each channel whose confirmation is to come: an earlier one must not pass for that of a later one.
  private var outstanding: [[UInt8]: Int] = [:]
  private var isConnected = false
  private var nextID: ID = 0

  package init() {}

  package var isEmpty: Bool { channels.isEmpty }

  /// - Returns: The number for `remove`; whether the channel must be subscribed to now; whether that was confirmed already.
  package mutating func add(_ channel: [UInt8]) -> (id: ID, mustSubscribe: Bool, isConfirmed: Bool) {
    nextID += 1
    channelOf[nextID] = channel
    let mustSubscribe = isConnected && channels[channel] == nil
    if mustSubscribe { outstanding[channel, default: 0] += 1 }
    channels[channel, default: Channel()].readers.insert(nextID)
    return (nextID, mustSubscribe, channels[channel]?.isConfirmed == true)
  }

  /// - Returns: The channel where it must be unsubscribed from now.
  package mutating func remove(_ id: ID) -> [UInt8]? {
    guard let channel = channelOf.removeValue(forKey: id) else { return nil }
    channels[channel]?.readers.remove(id)
    guard channels[channel]?.readers.isEmpty == true else { return nil }
    channels[channel] = nil
    return isConnected ? channel : nil
  }

  /// A connection is there.
  /// - Returns: The channels to subscribe to.
  package mutating func connect() -> [[UInt8]] {
    isConnected = true
    outstanding = channels.mapValues { _ in 1 }
    return Array(channels.keys)
  }

  /// It is gone.
  /// - Returns: Those who may miss messages from now on.
  package mutating func disconnect() -> Set<ID> {
    isConnected = false
    outstanding = [:]
    var readers: Set<ID> = []
    for (name, channel) in channels where channel.isConfirmed {
      readers.formUnion(channel.readers)
      channels[name]?.isConfirmed = false
    }
    return readers
  }

  /// Reads what the server pushed (https://redis.io/docs/latest/develop/pubsub/#format-of-pushed-messages).
  package mutating func receive(_ reply: RedisReply) -> Receipt {
    if reply == .simple("PONG") { return .alive }
    if case .error(let text) = reply { return .wrong("the server refused to subscribe: \(text.prefix(100))") }
    guard case .array(let parts) = reply, case .bulk(let kind?)? = parts.first else { return .wrong("the server pushed what is no message") }
    let texts: [[UInt8]?] = parts.dropFirst().map { if case .bulk(let bytes?) = $0 { bytes } else { nil } }
    switch String(decoding: kind, as: UTF8.self) {
    case "message":
      guard texts.count == 2, let channel = texts[0], let payload = texts[1] else { return .wrong("the server pushed what is no message") }
      return .message(channels[channel]?.readers ?? [], payload)
    case "subscribe":
      guard let channel = texts.first ?? nil else { return .wrong("the server confirmed no channel") }
      return confirm(channel)
    case "pong", "unsubscribe": return .alive
    default: return .wrong("the server pushed what is no message")
    }
  }

  private mutating func confirm(_ name: [UInt8]) -> Receipt {
    let left = (outstanding[name] ?? 1) - 1
    outstanding[name] = left > 0 ? left : nil
    guard left <= 0, let channel = channels[name], !channel.isConfirmed else { return .alive }
    channels[name]?.isConfirmed = true
    return .confirmed(channel.readers)
  }
}
