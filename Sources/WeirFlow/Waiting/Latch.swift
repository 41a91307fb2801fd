internal import NIOConcurrencyHelpers

/// A gate that opens once and lets its one waiter through. Cancelling the waiter opens it too.
final class Latch: Sendable {
  private enum State: Sendable {
    case closed
    case awaited(CheckedContinuation<Void, Never>)
    case open
  }

  private let state = NIOLockedValueBox(State.closed)

  func open() {
    let waiter = state.withLockedValue { state -> CheckedContinuation<Void, Never>? in
      defer { state = .open }
      if case .awaited(let waiter) = state { return waiter }
      return nil
    }
    waiter?.resume()
  }

  /// Returns when the latch is open or the task is cancelled. For one task only.
  func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOpen = state.withLockedValue { state -> Bool in
          if case .open = state { return true }
          state = .awaited(continuation)
          return false
        }
        if isOpen { continuation.resume() }
      }
    } onCancel: {
      open()
    }
  }
}
