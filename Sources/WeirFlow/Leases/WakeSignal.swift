internal import NIOConcurrencyHelpers
package import WeirCore

/// Wakes one task that waits for something or for a moment. A wake that comes while nobody waits is remembered, once.
package final class WakeSignal: Sendable {
  private struct State: Sendable {
    var isPending = false
    var latch: Latch?
  }

  private let state = NIOLockedValueBox(State())

  package init() {}

  package func wake() {
    let latch = state.withLockedValue { state in
      state.isPending = true
      return state.latch
    }
    latch?.open()
  }

  /// Returns when woken, at `moment`, or when the task is cancelled. For one task at a time.
  /// - Returns: true where it was woken.
  package func wait(until moment: Moment, on time: any TimeSource) async -> Bool {
    let latch = Latch()
    let isPending = state.withLockedValue { state in
      state.latch = latch
      return state.isPending
    }
    if !isPending { await Self.first(latch, moment, time) }
    return state.withLockedValue { state in
      defer { state = State() }
      return state.isPending
    }
  }

  private static func first(_ latch: Latch, _ moment: Moment, _ time: any TimeSource) async {
    await withTaskGroup(of: Void.self) { group in
      // The first to end cancels the other, and both are awaited.
      group.addTask { await latch.wait() }
      group.addTask { try? await time.sleep(until: moment) }
      await group.next()
      group.cancelAll()
    }
  }
}
