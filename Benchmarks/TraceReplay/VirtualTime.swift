import NIOConcurrencyHelpers
import WeirCore
import WeirTestSupport

/// Days in minutes: runs tasks until none can go on, then moves the clock to the next moment at which one can.
struct VirtualTime {
  let clock: ManualTime
  private let executor = ReplayExecutor()

  /// - Parameter start: the civil time at which it begins.
  init(start: WallTime) {
    clock = ManualTime(wall: start)
  }

  /// Runs `body` and every task below it to their ends.
  /// - Throws: `TraceError` where they wait for something that never comes.
  func run(_ body: @escaping @Sendable () async -> Void) throws {
    let isDone = NIOLockedValueBox(false)
    Task(executorPreference: executor) {
      await body()
      isDone.withLockedValue { $0 = true }
    }
    while true {
      executor.drain()
      if isDone.withLockedValue({ $0 }) { return }
      guard let next = clock.nextWake else { throw TraceError("The replay stands still: a task waits, and none sleeps.") }
      clock.advance(by: next - clock.now())
    }
  }
}

/// Why there is no measurement.
struct TraceError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
