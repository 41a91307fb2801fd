package import WeirCache
internal import WeirCore
package import WeirRedis

/// The second cache in Redis: one string for each key under `<prefix>:v1:{<digest>}`, expiring with the entry. The digest stands in a hash
/// tag, so that everything about a key lies in one slot of a cluster.
package struct RedisSharedStore: SharedStore {
  private let client: RedisClient
  private let prefix: [UInt8]

  package init(client: RedisClient, prefix: String) {
    self.client = client
    self.prefix = Array("\(prefix):v1:{".utf8)
  }

  package func get(_ key: CacheKey) async -> SharedRead {
    let name = name(of: key)
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
    let name = name(of: key)
    let reply = try? await client.send(RedisCommand("SET", name, bytes, Array("PX".utf8), Array(milliseconds.utf8)), key: name)
    return reply == .simple("OK")
  }

  package func remove(_ key: CacheKey) async -> Bool {
    let name = name(of: key)
    guard case .integer = try? await client.send(RedisCommand("DEL", name), key: name) else { return false }
    return true
  }

  private func name(of key: CacheKey) -> [UInt8] {
    var name = prefix
    name.append(contentsOf: key.hex.utf8)
    name.append(UInt8(ascii: "}"))
    return name
  }
}
