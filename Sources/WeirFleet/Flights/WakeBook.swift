internal import NIOConcurrencyHelpers
internal import WeirCache

/// Which flights of this replica want to be told that another's may have ended.
final class WakeBook: Sendable {
  typealias Wake = @Sendable () -> Void

  private struct State: Sendable {
    var wakes: [[UInt8]: [LeaseListener: Wake]] = [:]
    var keys: [LeaseListener: [UInt8]] = [:]
    var next: UInt64 = 0
    var isHearing = false
  }

  private let state = NIOLockedValueBox(State())

  /// Whether messages arrive.
  var isHearing: Bool { state.withLockedValue { $0.isHearing } }

  func add(_ key: [UInt8], _ wake: @escaping Wake) -> LeaseListener {
    state.withLockedValue { state in
      state.next += 1
      let listener = LeaseListener(number: state.next)
      state.wakes[key, default: [:]][listener] = wake
      state.keys[listener] = key
      return listener
    }
  }

  func remove(_ listener: LeaseListener) {
    state.withLockedValue { state in
      guard let key = state.keys.removeValue(forKey: listener) else { return }
      state.wakes[key]?[listener] = nil
      if state.wakes[key]?.isEmpty == true { state.wakes[key] = nil }
    }
  }

  /// A flight of this key has ended somewhere.
  func wake(_ key: [UInt8]) {
    let wakes = state.withLockedValue { $0.wakes[key].map { Array($0.values) } ?? [] }
    for wake in wakes { wake() }
  }

  /// Messages arrive from now on, or may be missing: everybody looks for himself.
  func wakeAll(isHearing: Bool) {
    state.withLockedValue { $0.isHearing = isHearing }
    wakeAll()
  }

  /// There is reason for everybody to look.
  func wakeAll() {
    for wake in state.withLockedValue({ $0.wakes.values.flatMap(\.values) }) { wake() }
  }
}
