internal import NIOConcurrencyHelpers

/// A value that is given once, to one who waits for it.
package final class OneShot<Value: Sendable>: Sendable {
  private enum State: Sendable {
    case empty
    case awaited(CheckedContinuation<Value?, Never>)
    case given(Value)
    case over
  }

  private let state = NIOLockedValueBox(State.empty)

  package init() {}

  /// The first value counts; later ones are dropped.
  package func give(_ value: Value) {
    let waiter = state.withLockedValue { state -> CheckedContinuation<Value?, Never>? in
      switch state {
      case .empty:
        state = .given(value)
        return nil
      case .awaited(let waiter):
        state = .over
        return waiter
      case .given, .over: return nil
      }
    }
    waiter?.resume(returning: value)
  }

  /// Waits for the value; nil where the task is cancelled before. For one task, once.
  package func value() async -> Value? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let known = state.withLockedValue { state -> Value?? in
          switch state {
          case .empty:
            state = .awaited(continuation)
            return nil
          case .given(let value):
            state = .over
            return .some(value)
          case .awaited, .over: return .some(nil)
          }
        }
        if let known { continuation.resume(returning: known) }
      }
    } onCancel: {
      let waiter = state.withLockedValue { state -> CheckedContinuation<Value?, Never>? in
        defer { state = .over }
        if case .awaited(let waiter) = state { return waiter }
        return nil
      }
      waiter?.resume(returning: nil)
    }
  }
}
