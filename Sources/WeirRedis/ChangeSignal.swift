internal import NIOConcurrencyHelpers
internal import NIOCore

/// Wakes those who wait for something to become so.
final class ChangeSignal: Sendable {
  private struct State {
    var waiters: [Int: AsyncStream<Void>.Continuation] = [:]
    var nextID = 0
  }

  private let state = NIOLockedValueBox(State())

  /// Something changed: everybody who waits looks again.
  func changed() {
    for waiter in state.withLockedValue({ Array($0.waiters.values) }) { waiter.yield() }
  }

  /// - Returns: False where it was not so until `deadline`, or the task was cancelled.
  @discardableResult
  func wait(until deadline: NIODeadline? = nil, on loop: any EventLoop, for condition: () -> Bool) async -> Bool {
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let id = state.withLockedValue { state in
      state.nextID += 1
      state.waiters[state.nextID] = continuation
      return state.nextID
    }
    defer { state.withLockedValue { $0.waiters[id] = nil } }
    // Only now: what changed before is seen here, what changes later wakes.
    if condition() { return true }
    let timer = deadline.map { loop.scheduleTask(deadline: $0) { continuation.finish() } }
    defer { timer?.cancel() }
    for await _ in stream where condition() { return true }
    return condition()
  }
}
