import NIOConcurrencyHelpers

/// What one task is to do next: given by anybody, taken by one, in order.
///
/// Each request waits for it, and `AsyncStream` is not specialized for what it carries: its reading alone is some microseconds of each.
final class ItemQueue<Item: Sendable>: Sendable {
  private struct State {
    var items: [Item] = []
    var waiter: CheckedContinuation<Item?, Never>?
    var isOver = false
  }

  private let state = NIOLockedValueBox(State())

  init() {}

  /// - Returns: false where nothing is taken any more.
  @discardableResult
  func add(_ item: Item) -> Bool {
    let (waiter, isTaken) = state.withLockedValue { state -> (CheckedContinuation<Item?, Never>?, Bool) in
      if state.isOver { return (nil, false) }
      if let waiter = state.waiter.take() { return (waiter, true) }
      state.items.append(item)
      return (nil, true)
    }
    waiter?.resume(returning: item)
    return isTaken
  }

  /// What there is may still be taken; no more comes.
  func end() {
    let waiter = state.withLockedValue { state -> CheckedContinuation<Item?, Never>? in
      state.isOver = true
      return state.waiter.take()
    }
    waiter?.resume(returning: nil)
  }

  /// The next one, waited for; nil at the end, and once the waiting task is cancelled, which is the end too. For one task.
  func next() async -> Item? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let known = state.withLockedValue { state -> Item?? in
          if !state.items.isEmpty { return .some(state.items.removeFirst()) }
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
