internal import DequeModule

/// The memory of S3-FIFO: 64-bit fingerprints of keys that were evicted or refused, oldest first, forgotten when there are too many.
/// Two keys with one fingerprint do no harm: one of them is let in early.
struct GhostQueue {
  /// Fingerprints in order of arrival; the front one has the sequence number `front`. Taken ones stay until they reach the front.
  private var order: Deque<UInt64> = []
  private var front = 0
  private var sequences: [UInt64: Int] = [:]

  /// How many fingerprints are remembered.
  var count: Int { sequences.count }

  /// Remembers a fingerprint as the youngest, and forgets the oldest while more than `limit` are kept.
  mutating func insert(_ fingerprint: UInt64, limit: Int) {
    sequences[fingerprint] = front + order.count
    order.append(fingerprint)
    while order.count > max(0, limit) { forgetOldest() }
  }

  /// True, and forgotten, where the fingerprint was remembered.
  mutating func take(_ fingerprint: UInt64) -> Bool {
    sequences.removeValue(forKey: fingerprint) != nil
  }

  mutating func removeAll() {
    order.removeAll()
    sequences.removeAll()
    front = 0
  }

  private mutating func forgetOldest() {
    guard let fingerprint = order.popFirst() else { return }
    if sequences[fingerprint] == front { sequences.removeValue(forKey: fingerprint) }
    front += 1
  }
}
