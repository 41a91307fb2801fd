package import WeirCache
internal import WeirCore
package import WeirRedis

/// The second cache in Redis: one string for each key under `<prefix>:v1:{<digest>}`, expiring with the entry. The digest stands in a hash
/// tag, so that everything about a key lies in one slot of a cluster.
package struct RedisSharedStore: SharedStore {
  private let client: RedisClient
  private let keys: FleetKeys
  private let purges: FleetPurges
  private let clock: @Sendable () -> Int64?

  /// - Parameter clock: what Redis' clock shows now at the least, in microseconds since 1970; nil where that is not known.
  package init(client: RedisClient, keys: FleetKeys, purges: FleetPurges, clock: @escaping @Sendable () -> Int64? = { nil }) {
    self.client = client
    self.keys = keys
    self.purges = purges
    self.clock = clock
  }

  package func catchUp() async -> Bool { await purges.catchUp() }

  package func get(_ key: CacheKey) async -> SharedRead {
    let reply = try? await client.evaluate(LeaseScripts.read, keys: [keys.value(key)], arguments: [])
    guard case .array(let parts)? = reply else { return .unavailable }
    guard parts.count == 2, case .bulk(let bytes?) = parts[0], case .integer(let milliseconds) = parts[1], milliseconds > 0 else { return .missing }
    return .found(bytes, remaining: .milliseconds(milliseconds))
  }

  package func put(_ key: CacheKey, _ bytes: [UInt8], ttl: Duration) async -> Bool {
    let arguments = [bytes, Array(String(max(1, ttl.saturatedMilliseconds)).utf8), LeaseScripts.beginning(clock())]
    let reply = try? await client.evaluate(LeaseScripts.write, keys: [keys.value(key)], arguments: arguments)
    return reply == .integer(1)
  }

  package func remove(_ key: CacheKey) async -> Bool {
    let reply = try? await client.evaluate(LeaseScripts.remove, keys: keys.lease(of: key), arguments: [key.bytes, keys.wakeChannels])
    guard case .integer? = reply else { return false }
    return true
  }
}
