import WeirCore

@testable import WeirCache

/// The policy again, as plainly as it can be said: arrays, searched from end to end. What `S3FIFO` must agree with after every operation.
struct ReferenceS3FIFO {
  struct Item: Equatable {
    var key: CacheKey
    var weight: Int
    var lifespan: Lifespan
    var owner: Name?
    var frequency = 0
  }

  let limits: S3FIFOLimits
  var small: [Item] = []
  var main: [Item] = []
  var ghost: [CacheKey?] = []

  init(limits: S3FIFOLimits) { self.limits = limits }

  var all: [Item] { small + main }
  var bytes: Int { all.reduce(0) { $0 + $1.weight } }
  func held(by owner: Name?) -> Int { owner == nil ? 0 : all.reduce(0) { $0 + ($1.owner == owner ? $1.weight : 0) } }

  mutating func find(_ key: CacheKey, now: Moment) -> Lifespan? {
    if let position = small.firstIndex(where: { $0.key == key }) { return use(&small, position, now) }
    if let position = main.firstIndex(where: { $0.key == key }) { return use(&main, position, now) }
    return nil
  }

  private func use(_ queue: inout [Item], _ position: Int, _ now: Moment) -> Lifespan? {
    guard now < queue[position].lifespan.staleUntil else {
      queue.remove(at: position)
      return nil
    }
    queue[position].frequency = min(3, queue[position].frequency + 1)
    return queue[position].lifespan
  }

  mutating func remove(_ key: CacheKey) -> Bool {
    let before = all.count
    small.removeAll { $0.key == key }
    main.removeAll { $0.key == key }
    return all.count < before
  }

  mutating func removeDead(now: Moment) {
    small.removeAll { now >= $0.lifespan.staleUntil }
    main.removeAll { now >= $0.lifespan.staleUntil }
  }

  /// Nil where it is stored.
  mutating func insert(_ key: CacheKey, weight: Int, lifespan: Lifespan, owner: Name?, now: Moment) -> CacheRejection? {
    let replaced = all.first { $0.key == key }
    let wasInMain = main.contains { $0.key == key }
    _ = remove(key)
    if weight > limits.maxEntry { return .tooLarge }
    if now >= lifespan.staleUntil { return .expired }
    let remembered = ghost.contains(key)
    ghost = ghost.map { $0 == key ? nil : $0 }
    if replaced == nil, !remembered, owner != nil, limits.quota < limits.capacity, bytes + weight > limits.capacity {
      let mine = held(by: owner)
      if mine > 0, mine < bytes, mine + weight > limits.quota {
        remember(key)
        return .quota
      }
    }
    while bytes + weight > limits.capacity { evict(now: now) }
    let item = Item(key: key, weight: weight, lifespan: lifespan, owner: owner, frequency: replaced?.frequency ?? 0)
    if wasInMain || (replaced == nil && remembered) { main.append(item) } else { small.append(item) }
    return nil
  }

  private mutating func evict(now: Moment) {
    let fromSmall = main.isEmpty || small.reduce(0) { $0 + $1.weight } > limits.capacity / 10
    if fromSmall {
      var item = small[0]
      let over = isGreedy(item)
      small.removeFirst()
      if now >= item.lifespan.staleUntil { return }
      if item.frequency == 0 || over { return remember(item.key) }
      item.frequency = 0
      main.append(item)
    } else {
      var item = main[0]
      let over = isGreedy(item)
      main.removeFirst()
      if now >= item.lifespan.staleUntil || item.frequency == 0 || over { return }
      item.frequency -= 1
      main.append(item)
    }
  }

  private func isGreedy(_ item: Item) -> Bool {
    held(by: item.owner) > limits.quota && held(by: item.owner) < bytes
  }

  private mutating func remember(_ key: CacheKey) {
    ghost.append(key)
    while ghost.count > max(64, all.count) { ghost.removeFirst() }
  }
}
