internal import WeirCache
internal import WeirCore

/// Decides when a stale answer may be renewed again after a renewal that brought nothing to keep: the provider throttled, the upstream is
/// down, or the new answer is none that can be kept. Without it every hit of a stale answer would pay for one more request.
struct RefreshPacer: Sendable {
  private struct Failure {
    var notBefore: Moment
    var pause: Duration
  }

  static let firstPause: Duration = .seconds(60)
  static let longestPause: Duration = .seconds(3600)

  private let capacity: Int
  private var failures: [CacheKey: Failure] = [:]

  /// - Parameter capacity: how many keys are remembered; beyond it those whose pause is over are forgotten, then all.
  init(capacity: Int = 10_000) {
    self.capacity = capacity
  }

  func mayRefresh(_ key: CacheKey, now: Moment) -> Bool {
    failures[key].map { $0.notBefore <= now } ?? true
  }

  mutating func failed(_ key: CacheKey, now: Moment) {
    let pause = failures[key].map { min($0.pause * 2, Self.longestPause) } ?? Self.firstPause
    if failures[key] == nil, failures.count >= capacity {
      failures = failures.filter { $0.value.notBefore > now }
      if failures.count >= capacity { failures.removeAll() }
    }
    failures[key] = Failure(notBefore: now + pause, pause: pause)
  }

  mutating func succeeded(_ key: CacheKey) {
    failures[key] = nil
  }
}
