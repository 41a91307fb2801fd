/// What the memory store may use.
package struct MemoryLimits: Sendable, Equatable {
  /// The weights of all entries together stay below this: value bytes, and a few hundred bytes for each entry.
  package var maxBytes: Int
  /// A value with more bytes is not kept.
  package var maxEntryBytes: Int
  /// What one tenant may hold while others need the room, as a share of `maxBytes`, 0 to 1; 1 is no limit.
  package var tenantShare: Double

  package init(maxBytes: Int = 256 << 20, maxEntryBytes: Int = 8 << 20, tenantShare: Double = 0.25) {
    self.maxBytes = max(0, maxBytes)
    self.maxEntryBytes = max(0, maxEntryBytes)
    self.tenantShare = tenantShare
  }

  /// How many shards to make: a power of two, four for each core, but no more than leave room for four of the largest entries in each.
  func shardCount(cores: Int) -> Int {
    let (room, overflow) = S3FIFO.weight(ofValueBytes: maxEntryBytes).multipliedReportingOverflow(by: 4)
    let wanted = 4 * min(max(1, cores), 256)
    var count = 1
    while count < wanted, !overflow, maxBytes / (2 * count) >= room - 4 * S3FIFO.overhead { count *= 2 }
    return count
  }

  /// The bounds of each of `count` shards.
  func shard(of count: Int) -> S3FIFOLimits {
    S3FIFOLimits(capacity: maxBytes / count, maxEntry: S3FIFO.weight(ofValueBytes: maxEntryBytes), quotaShare: tenantShare)
  }
}
