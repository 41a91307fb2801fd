import NIOConcurrencyHelpers

/// The one-time event that somebody no longer waits for an answer.
final class Departure: Sendable {
  enum Reason: Sendable {
    /// The connection was closed, or its peer sends no more.
    case disconnected
    /// `notifications/cancelled` named the request.
    case cancelled
    /// The front drains.
    case drained
  }

  private struct State {
    var reason: Reason?
    var waiter: CheckedContinuation<Reason?, Never>?
    var isOver = false
  }

  private let state = NIOLockedValueBox(State())

  init() {}

  /// The first reason counts.
  func fire(_ reason: Reason) {
    let waiter = state.withLockedValue { state -> CheckedContinuation<Reason?, Never>? in
      guard state.reason == nil else { return nil }
      state.reason = reason
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: reason)
  }

  var reason: Reason? { state.withLockedValue { $0.reason } }

  /// There is nothing to wait for any more; does nothing once somebody has left.
  /// - Returns: false where somebody has left or ended it before.
  @discardableResult
  func end() -> Bool {
    let (waiter, isFirst) = state.withLockedValue { state -> (CheckedContinuation<Reason?, Never>?, Bool) in
      defer { (state.waiter, state.isOver) = (nil, true) }
      return (state.waiter, state.reason == nil && !state.isOver)
    }
    waiter?.resume(returning: nil)
    return isFirst
  }

  /// Waits for `fire`; nil when `end` or the cancellation of the waiting task comes first. For one waiter.
  func wait() async -> Reason? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let known = state.withLockedValue { state -> Reason?? in
          if let reason = state.reason { return .some(reason) }
          if state.isOver || state.waiter != nil { return .some(nil) }
          state.waiter = continuation
          return nil
        }
        if let known { continuation.resume(returning: known) }
      }
    } onCancel: {
      end()
    }
  }
}
