import WeirCore

@testable import WeirCache

/// A shared store in the test's hands: it can be away, hand out another key's bytes, and hold its answers back until told.
actor FakeSharedStore: SharedStore {
  struct Kept: Sendable {
    var bytes: [UInt8]
    var ttl: Duration
  }

  private(set) var kept: [CacheKey: Kept] = [:]
  private var isAway = false
  private var substitute: CacheKey?
  private var remaining: Duration?
  private var isHeld = false
  private var held: [CheckedContinuation<Void, Never>] = []
  private var awaited: [CheckedContinuation<Void, Never>] = []

  func goAway() { isAway = true }
  /// Answers every question as if it had been about this key.
  func answer(for key: CacheKey) { substitute = key }
  func setRemaining(_ duration: Duration) { remaining = duration }
  func place(_ bytes: [UInt8], for key: CacheKey, ttl: Duration) { kept[key] = Kept(bytes: bytes, ttl: ttl) }

  /// From now on, operations wait for `release` before they answer.
  func hold() { isHeld = true }

  /// Returns as soon as an operation waits.
  func someoneWaits() async {
    if !held.isEmpty { return }
    await withCheckedContinuation { awaited.append($0) }
  }

  func release() {
    isHeld = false
    for continuation in held { continuation.resume() }
    held = []
  }

  func get(_ key: CacheKey) async -> SharedRead {
    if isAway { return .unavailable }
    let found = kept[substitute ?? key]
    await waitIfHeld()
    guard let found else { return .missing }
    return .found(found.bytes, remaining: remaining ?? found.ttl)
  }

  func put(_ key: CacheKey, _ bytes: [UInt8], ttl: Duration) async -> Bool {
    if isAway { return false }
    await waitIfHeld()
    kept[key] = Kept(bytes: bytes, ttl: ttl)
    return true
  }

  func remove(_ key: CacheKey) async -> Bool {
    if isAway { return false }
    kept[key] = nil
    return true
  }

  private func waitIfHeld() async {
    guard isHeld else { return }
    await withCheckedContinuation { continuation in
      held.append(continuation)
      for waiter in awaited { waiter.resume() }
      awaited = []
    }
  }
}
