package import WeirCache
internal import WeirCore
package import WeirRedis

/// The second cache in Redis: one string for each key under `<prefix>:v1:{<digest>}`, expiring with the entry. The digest stands in a hash
/// tag, so that everything about a key lies in one slot of a cluster.
package struct RedisSharedStore: SharedStore {
  private let client: RedisClient
  private let keys: FleetKeys

  package init(client: RedisClient, keys: FleetKeys) {
    self.client = client
    self.keys = keys
  }

  package func get(_ key: CacheKey) async -> SharedRead {
    let name = keys.value(key)
    do {
      let replies = try await client.pipeline([RedisCommand("GET", name), RedisCommand("PTTL", name)], key: name)
      guard replies.count == 2 else { return .unavailable }
      switch (replies[0], replies[1]) {
      case (.bulk(let bytes?), .integer(let milliseconds)) where milliseconds > 0:
        return .found(bytes, remaining: .milliseconds(milliseconds))
      case (.bulk, .integer): return .missing
      default: return .unavailable
      }
    } catch {
      return .unavailable
    }
  }

  package func put(_ key: CacheKey, _ bytes: [UInt8], ttl: Duration) async -> Bool {
    let milliseconds = String(max(1, ttl.saturatedMilliseconds))
    let name = keys.value(key)
    let reply = try? await client.send(RedisCommand("SET", name, bytes, Array("PX".utf8), Array(milliseconds.utf8)), key: name)
    return reply == .simple("OK")
  }

  package func remove(_ key: CacheKey) async -> Bool {
    let name = keys.value(key)
    guard case .integer = try? await client.send(RedisCommand("DEL", name), key: name) else { return false }
    return true
  }
}
