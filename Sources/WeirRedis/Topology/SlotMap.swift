/// Which server has which slot of a cluster, as far as is known.
package struct SlotMap: Sendable, Hashable {
  /// More than a cluster may have; a server that names more is not believed.
  package static let maxServers = 1000

  private static let nobody = UInt16.max
  private var servers: [RedisEndpoint] = []
  /// An index into `servers` for each slot.
  private var owners = [UInt16](repeating: nobody, count: ClusterSlot.count)

  /// Knows nothing.
  package init() {}

  /// Reads the answer to `CLUSTER SLOTS` (https://redis.io/docs/latest/commands/cluster-slots/): ranges with the server that has them first.
  /// Ranges whose server has no known name are left out.
  /// - Parameter asked: The server that answered; one without a name is reached at its host.
  /// - Returns: nil where that is no such answer, or names no server.
  package init?(_ reply: RedisReply, asked: RedisEndpoint) {
    guard case .array(let ranges) = reply else { return nil }
    for range in ranges {
      guard case .array(let parts) = range, parts.count >= 3, case .integer(let first) = parts[0], case .integer(let last) = parts[1],
        case .array(let server) = parts[2], server.count >= 2, case .integer(let port) = server[1],
        let from = Int(exactly: first).flatMap(ClusterSlot.init), let to = Int(exactly: last).flatMap(ClusterSlot.init), from.number <= to.number
      else { return nil }
      let host: String? = if case .bulk(let name?) = server[0] { String(validating: name, as: UTF8.self) } else { nil }
      guard let port = Int(exactly: port), let endpoint = RedisAddress(host: host, port: port)?.endpoint(asked: asked) else { continue }
      guard let index = index(of: endpoint) else { return nil }
      for slot in from.number...to.number { owners[slot] = index }
    }
    if servers.isEmpty { return nil }
  }

  package func owner(of slot: ClusterSlot) -> RedisEndpoint? {
    let index = owners[slot.number]
    return index == Self.nobody ? nil : servers[Int(index)]
  }

  /// A server said that this slot is elsewhere now.
  /// - Returns: False where that would be one server too many.
  @discardableResult
  package mutating func move(_ slot: ClusterSlot, to endpoint: RedisEndpoint) -> Bool {
    guard let index = index(of: endpoint) else { return false }
    owners[slot.number] = index
    return true
  }

  /// Whether every slot is where the other has it.
  package func agrees(with other: SlotMap) -> Bool {
    let translated = servers.map { server in other.servers.firstIndex(of: server).map { UInt16($0) } }
    return zip(owners, other.owners).allSatisfy { own, others in
      own == Self.nobody ? others == Self.nobody : translated[Int(own)] == others
    }
  }

  /// All servers that have a slot or had one.
  package var endpoints: [RedisEndpoint] { servers }

  private mutating func index(of endpoint: RedisEndpoint) -> UInt16? {
    if let known = servers.firstIndex(of: endpoint) { return UInt16(known) }
    guard servers.count < Self.maxServers else { return nil }
    servers.append(endpoint)
    return UInt16(servers.count - 1)
  }
}
