internal import NIOConcurrencyHelpers
internal import WeirFlow

/// How many calls are under way, and a way to wait until there are none.
final class CallCount: Sendable {
  private struct State {
    var count = 0
    var waiter: OneShot<Void>?
  }

  private let state = NIOLockedValueBox(State())

  func begin() { state.withLockedValue { $0.count += 1 } }

  func end() {
    let waiter = state.withLockedValue { state -> OneShot<Void>? in
      state.count -= 1
      guard state.count == 0 else { return nil }
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.give(())
  }

  /// Returns when no call is under way, or the task is cancelled. For one task only.
  func isZero() async {
    let slot = OneShot<Void>()
    let isNow = state.withLockedValue { state in
      if state.count == 0 { return true }
      state.waiter = slot
      return false
    }
    if !isNow { _ = await slot.value() }
  }
}
