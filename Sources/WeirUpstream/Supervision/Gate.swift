import NIOConcurrencyHelpers
import WeirCore

/// Lets tasks wait for something to become true, and wakes all of them at once.
final class Gate: Sendable {
  private struct State {
    var nextID = 0
    var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
    /// Reserved ids whose tasks have not parked yet, and whether their time is over already.
    var reserved: [Int: Bool] = [:]
  }

  private let state = NIOLockedValueBox(State())

  /// Wakes everybody who waits now.
  func open() {
    let waiters = state.withLockedValue { state in
      defer { state.waiters.removeAll() }
      return Array(state.waiters.values)
    }
    for waiter in waiters { waiter.resume(returning: true) }
  }

  /// Waits for the next `open`; false where `deadline` passes or the task is cancelled first. `isOpen` is asked once more, after which no
  /// opening can be missed.
  func wait(_ time: any TimeSource, until deadline: Moment, isOpen: @Sendable () -> Bool) async -> Bool {
    let id = state.withLockedValue { state in
      state.nextID += 1
      state.reserved[state.nextID] = false
      return state.nextID
    }
    return await Deadline.watch(time, deadline, onDeadline: { self.giveUp(id) }) {
      await withTaskCancellationHandler {
        await withCheckedContinuation { self.park($0, id, isOpen: isOpen) }
      } onCancel: {
        self.giveUp(id)
      }
    }
  }

  private func park(_ continuation: CheckedContinuation<Bool, Never>, _ id: Int, isOpen: () -> Bool) {
    let isOver = state.withLockedValue { state in
      let isOver = state.reserved.removeValue(forKey: id) ?? true
      if !isOver { state.waiters[id] = continuation }
      return isOver
    }
    if isOver {
      continuation.resume(returning: false)
    } else if isOpen() {
      open()
    }
  }

  private func giveUp(_ id: Int) {
    let waiter = state.withLockedValue { state in
      if state.reserved[id] != nil { state.reserved[id] = true }
      return state.waiters.removeValue(forKey: id)
    }
    waiter?.resume(returning: false)
  }
}
