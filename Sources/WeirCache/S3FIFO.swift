internal import WeirCore

/// Which answers one shard keeps: the S3-FIFO policy (Yang et al., SOSP 2023) weighted by bytes, with a lifetime for every entry and a quota
/// for every owner.
///
/// New keys enter a small queue of a tenth of the bytes. What is asked for again there moves to the main queue when its turn comes, all else
/// leaves and is remembered by its fingerprint; a remembered key enters the main queue at once. So a scan of a thousand keys that nobody
/// asks for again passes through the small queue and leaves the hot ones alone.
///
/// Decides only: it knows keys, weights and times, and gives every entry a slot number under which the owner of this struct keeps the value.
/// Slots whose entries have gone wait in `freed`. Entries are records in one array, the queues are links between them.
struct S3FIFO {
  /// How an entry ends its stay in the small queue: asked for at least so often, it moves to the main queue.
  static let promotionThreshold: UInt8 = 1
  /// The counter of hits has two bits.
  static let maxFrequency: UInt8 = 3
  /// What an entry weighs beyond its value's bytes: the key's 32, and the record, index, entry and heap headers.
  static let overhead = CacheKey.byteCount + 256

  /// Where to find a value, and how long it lives.
  struct Found: Equatable {
    var slot: Int
    var lifespan: Lifespan
  }

  /// What became of an offer.
  enum Admission: Equatable {
    /// The value belongs into this slot.
    case stored(slot: Int)
    case rejected(CacheRejection)
  }

  let limits: S3FIFOLimits
  private(set) var tally = CacheTally()
  /// Slots that were emptied since the caller last cleared this list. Clear it before using the slot of a new entry.
  var freed: [Int] = []

  var records: [S3FIFORecord] = []
  private var unused: [Int32] = []
  private var index: [CacheKey: Int32] = [:]
  private var small = S3FIFOQueue()
  private var main = S3FIFOQueue()
  private var ghost = GhostQueue()
  private var owners = ResidentBytes()
  private var sweepHand = 0

  init(limits: S3FIFOLimits) {
    self.limits = limits
  }

  /// The weights of all entries together.
  var bytes: Int { small.bytes + main.bytes }
  var count: Int { index.count }

  /// What an entry with a value of `byteCount` bytes weighs; at the upper bound of `Int` rather than beyond.
  static func weight(ofValueBytes byteCount: Int) -> Int {
    let (sum, overflow) = max(0, byteCount).addingReportingOverflow(overhead)
    return overflow ? .max : sum
  }

  /// What this owner holds.
  func bytes(heldBy owner: Name?) -> Int { owners.bytes(of: owner) }

  /// Looks a key up and counts the use. An entry past its lifetime is removed and not found.
  mutating func find(_ key: CacheKey, now: Moment) -> Found? {
    guard let slot = index[key] else { return nil }
    let position = Int(slot)
    let lifespan = records[position].lifespan
    guard lifespan.isAlive(at: now) else {
      remove(slot, reason: .ttl)
      return nil
    }
    if records[position].frequency < Self.maxFrequency { records[position].frequency += 1 }
    return Found(slot: position, lifespan: lifespan)
  }

  /// The lifetime of a key's entry, without counting a use.
  func lifespan(of key: CacheKey) -> Lifespan? {
    index[key].map { records[Int($0)].lifespan }
  }

  /// Where a key's entry is, without counting a use.
  func slot(of key: CacheKey) -> Int? { index[key].map { Int($0) } }

  /// Offers an entry; the one it replaces is gone, whatever the answer. Makes room by the policy, so others may go.
  mutating func insert(_ key: CacheKey, weight: Int, lifespan: Lifespan, owner: Name?, now: Moment) -> Admission {
    let weight = max(1, weight)
    let before = index[key].map { ($0, records[Int($0)].frequency, records[Int($0)].queue) }
    if let before { remove(before.0, reason: nil) }
    guard weight <= limits.maxEntry else { return reject(.tooLarge) }
    guard lifespan.isAlive(at: now) else { return reject(.expired) }
    let remembered = ghost.take(key.fingerprint)
    guard remembered || before != nil || hasRoom(for: weight, of: owner) else {
      remember(key.fingerprint)
      return reject(.quota)
    }
    makeRoom(for: weight, now: now)
    let queue = before?.2 ?? (remembered ? .main : .small)
    var record = S3FIFORecord(key: key, weight: weight, lifespan: lifespan, owner: owners.add(weight, to: owner), queue: queue)
    record.frequency = before?.1 ?? 0
    return .stored(slot: place(record))
  }

  /// Forgets a key. True where there was an entry.
  mutating func remove(_ key: CacheKey) -> Bool {
    guard let slot = index[key] else { return false }
    remove(slot, reason: .purge)
    return true
  }

  /// Forgets every entry and every fingerprint.
  mutating func removeAll() {
    tally.evicted[.purge] += count
    for slot in index.values { freed.append(Int(slot)) }
    records.removeAll()
    unused.removeAll()
    index.removeAll()
    small = S3FIFOQueue()
    main = S3FIFOQueue()
    ghost.removeAll()
    owners.removeAll()
    sweepHand = 0
  }

  /// Looks at the next `looking` records, round and round, and removes up to `removing` whose lifetime is over or that were purged. Gives how many it removed.
  /// - Parameters:
  ///   - suspects: of whom it is worth asking `isPurged`; nil: of nobody.
  ///   - isPurged: whether the entry in a slot was.
  mutating func sweep(
    now: Moment, looking: Int, removing: Int, suspects: PurgeSuspects? = nil, isPurged: (CacheKey, Int) -> Bool = { _, _ in false }
  ) -> Int {
    var removed = 0
    for _ in 0..<min(max(0, looking), records.count) where removed < removing {
      if sweepHand >= records.count { sweepHand = 0 }
      let record = records[sweepHand]
      if record.queue != .none {
        let isSuspect = suspects?.contains(sweepHand) ?? false
        let reason: CacheEviction? = !record.lifespan.isAlive(at: now) ? .ttl : isSuspect && isPurged(record.key, sweepHand) ? .purge : nil
        if let reason {
          remove(Int32(sweepHand), reason: reason)
          removed += 1
        }
      }
      sweepHand += 1
    }
    return removed
  }

  /// Counts an entry that is not even offered.
  mutating func refuse(_ reason: CacheRejection) -> CacheRejection {
    tally.rejected[reason] += 1
    return reason
  }

  // MARK: The policy

  /// Whether the owner's quota lets a key in that nobody remembers. Bytes that nobody else wants are free to take: the quota counts where
  /// something would have to go for it and somebody else holds something. One entry an owner may always have.
  private func hasRoom(for weight: Int, of owner: Name?) -> Bool {
    guard owner != nil, limits.quota < limits.capacity, bytes + weight > limits.capacity else { return true }
    let held = owners.bytes(of: owner)
    return held == 0 || held == bytes || held + weight <= limits.quota
  }

  /// Ends after at most four steps for every entry: each takes one out, moves one to the main queue or takes a hit from one there.
  private mutating func makeRoom(for weight: Int, now: Moment) {
    while bytes + weight > limits.capacity {
      if small.bytes > limits.small || main.isEmpty { stepSmall(now: now) } else { stepMain(now: now) }
    }
  }

  private mutating func stepSmall(now: Moment) {
    guard let slot = small.oldest else { return }
    let position = Int(slot)
    guard records[position].lifespan.isAlive(at: now) else { return remove(slot, reason: .ttl) }
    guard records[position].frequency >= Self.promotionThreshold else { return evict(slot, reason: .size) }
    if isOverQuota(records[position].owner) { return evict(slot, reason: .quota) }
    small.unlink(slot, in: &records)
    records[position].queue = .main
    records[position].frequency = 0
    main.append(slot, in: &records)
  }

  private mutating func stepMain(now: Moment) {
    guard let slot = main.oldest else { return }
    let position = Int(slot)
    guard records[position].lifespan.isAlive(at: now) else { return remove(slot, reason: .ttl) }
    guard records[position].frequency > 0 else { return remove(slot, reason: .size) }
    if isOverQuota(records[position].owner) { return remove(slot, reason: .quota) }
    main.unlink(slot, in: &records)
    records[position].frequency -= 1
    main.append(slot, in: &records)
  }

  /// Whoever holds more than their share while others hold something gets no second chance.
  private func isOverQuota(_ owner: Int32) -> Bool {
    let held = owners.bytes(of: owner)
    return held > limits.quota && held < bytes
  }

  private mutating func evict(_ slot: Int32, reason: CacheEviction) {
    let fingerprint = records[Int(slot)].key.fingerprint
    remove(slot, reason: reason)
    remember(fingerprint)
  }

  private mutating func remember(_ fingerprint: UInt64) {
    ghost.insert(fingerprint, limit: max(64, count))
  }

  private mutating func reject(_ reason: CacheRejection) -> Admission {
    .rejected(refuse(reason))
  }

  // MARK: Records

  private mutating func place(_ record: S3FIFORecord) -> Int {
    let slot: Int32
    if let reused = unused.popLast() {
      slot = reused
      records[Int(reused)] = record
    } else {
      slot = Int32(records.count)
      records.append(record)
    }
    index[record.key] = slot
    if record.queue == .main { main.append(slot, in: &records) } else { small.append(slot, in: &records) }
    return Int(slot)
  }

  private mutating func remove(_ slot: Int32, reason: CacheEviction?) {
    let record = records[Int(slot)]
    if record.queue == .main { main.unlink(slot, in: &records) } else { small.unlink(slot, in: &records) }
    index.removeValue(forKey: record.key)
    owners.subtract(record.weight, from: record.owner)
    records[Int(slot)].queue = .none
    unused.append(slot)
    freed.append(Int(slot))
    if let reason { tally.evicted[reason] += 1 }
  }
}

extension CacheKey {
  /// What a ghost remembers of a key.
  var fingerprint: UInt64 { second }
}
