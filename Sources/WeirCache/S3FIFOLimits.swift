/// The bounds of one shard, in bytes of weight.
package struct S3FIFOLimits: Sendable, Equatable {
  /// Never exceeded by the weights of all entries together.
  package var capacity: Int
  /// A heavier entry is not admitted.
  package var maxEntry: Int
  /// What one owner may hold while others hold something too and room is short; none applies where it is the whole capacity.
  package var quota: Int

  /// - Parameter quotaShare: a tenant's share of `capacity`, 0 to 1.
  package init(capacity: Int, maxEntry: Int, quotaShare: Double = 0.25) {
    // Slots are 32-bit numbers and no entry weighs less than the overhead.
    self.capacity = min(max(0, capacity), Int(Int32.max) * S3FIFO.overhead)
    self.maxEntry = min(max(0, maxEntry), self.capacity)
    let share = quotaShare.isFinite ? min(max(quotaShare, 0), 1) : 1
    self.quota = Int(exactly: (Double(self.capacity) * share).rounded(.down)) ?? self.capacity
  }

  /// What the small queue may hold before it is the one that gives.
  var small: Int { capacity / 10 }
}
