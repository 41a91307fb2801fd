internal import WeirCore

/// What S3-FIFO knows of one entry. No references inside: copying one is a copy of bytes.
struct S3FIFORecord {
  enum Queue: UInt8 {
    /// The record is unused.
    case none
    case small, main
  }

  static let end: Int32 = -1

  var key: CacheKey
  var weight: Int
  var lifespan: Lifespan
  var owner: Int32
  var queue: Queue
  /// Hits since it entered its queue, up to three.
  var frequency: UInt8 = 0
  /// The neighbours in the queue, by slot.
  var older: Int32 = end
  var younger: Int32 = end

  init(key: CacheKey, weight: Int, lifespan: Lifespan, owner: Int32, queue: Queue) {
    self.key = key
    self.weight = weight
    self.lifespan = lifespan
    self.owner = owner
    self.queue = queue
  }
}
