package import WeirCache

/// The names of everything that replicas share in Redis: `<prefix>:v1:…`. What belongs together has one hash tag, so that one script reaches it in
/// a cluster: all about one cache key, all about one provider, all about the fleet itself.
package struct FleetKeys: Sendable {
  private let prefix: [UInt8]

  /// - Parameter prefix: told apart from other deployments in the same Redis by it.
  package init(prefix: String) {
    self.prefix = Array("\(prefix):v1:".utf8)
  }

  /// The value of a cache key.
  package func value(_ key: CacheKey) -> [UInt8] { tagged(key.hex, nil) }
  /// What else there is to a cache key, such as `lease`.
  package func part(_ name: String, of key: CacheKey) -> [UInt8] { tagged(key.hex, name) }
  /// What replicas share of one provider, such as its rate.
  package func part(_ name: String, ofProvider provider: String) -> [UInt8] { tagged("provider:\(provider)", name) }
  /// What there is once in the fleet, such as its roster.
  package func part(_ name: String) -> [UInt8] { tagged("fleet", name) }
  /// A channel of messages. Channels know no databases: only the prefix tells deployments apart, and a message is a hint to look, never a fact.
  package func channel(_ name: String) -> [UInt8] { prefix + Array("channel:\(name)".utf8) }

  /// All that there is to a cache key: its value, its lease, who waits for that to end, and how it ended.
  func lease(of key: CacheKey) -> [[UInt8]] {
    let name = value(key)
    return [name, name + Array(":lease".utf8), name + Array(":waiters".utf8), name + Array(":marker".utf8)]
  }

  /// What the channels begin with on which replicas hear of leases that end.
  var wakeChannels: [UInt8] { channel("wake:") }
  func wakeChannel(of replica: ReplicaID) -> [UInt8] { wakeChannels + replica.bytes }

  private func tagged(_ tag: String, _ name: String?) -> [UInt8] {
    // A brace would end the hash tag early; names of providers are free text.
    var key = prefix + [UInt8(ascii: "{")]
    key += tag.utf8.map { $0 == UInt8(ascii: "}") ? UInt8(ascii: ")") : $0 }
    key.append(UInt8(ascii: "}"))
    if let name { key += Array(":\(name)".utf8) }
    return key
  }
}
