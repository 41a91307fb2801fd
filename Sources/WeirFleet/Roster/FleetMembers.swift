internal import WeirCore
internal import WeirRedis

/// The replicas that were there at the last beat.
package struct FleetMembers: Sendable, Equatable {
  /// Each with the address at which other replicas reach it; empty where it has none.
  package var addresses: [ReplicaID: String] = [:]
  /// Redis' clock at the last beat, in microseconds since 1970; nil before the first.
  package var clock: Int64?
  /// The list has begun so lately that who is in the fleet may not be on it yet: Redis was started anew, flushed, or away.
  package var isYoung = false

  /// How many share what is shared: at least one, this one.
  package var count: Int { max(1, addresses.count) }

  package init() {}

  /// From the reply of the script of `Roster`: the clock, ids and addresses by turns, and 1 where the list is young. Nil where that is not what came.
  init?(_ reply: RedisReply) {
    guard case .array(let parts) = reply, parts.count == 3, case .bulk(let clock?) = parts[0], case .integer(let youth) = parts[2] else { return nil }
    guard let clock = Int64(String(decoding: clock, as: UTF8.self)), let addresses = Self.addresses(parts[1]) else { return nil }
    self.clock = clock
    self.addresses = addresses
    isYoung = youth == 1
  }

  /// These, and while the list is young those that were known before it began.
  func following(_ known: FleetMembers) -> FleetMembers {
    guard isYoung else { return self }
    var members = self
    members.addresses.merge(known.addresses) { listed, _ in listed }
    return members
  }

  /// From ids and addresses by turns. Nil where that is not what came.
  static func addresses(_ reply: RedisReply) -> [ReplicaID: String]? {
    guard case .array(let pairs) = reply, pairs.count.isMultiple(of: 2) else { return nil }
    var addresses: [ReplicaID: String] = [:]
    for index in stride(from: 0, to: pairs.count, by: 2) {
      guard case .bulk(let id?) = pairs[index], case .bulk(let address?) = pairs[index + 1], let id = ReplicaID(id) else { continue }
      addresses[id] = String(decoding: address, as: UTF8.self)
    }
    return addresses
  }
}
