import WeirCore

/// Runs something against the clock. What runs must end by itself soon after `onDeadline`.
enum Deadline {
  /// Calls `onDeadline` at `moment` unless `body` has returned by then, and returns what `body` returns.
  static func watch<Value>(
    _ time: any TimeSource, _ moment: Moment, onDeadline: @escaping @Sendable () -> Void, _ body: () async -> Value
  ) async -> Value {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        do { try await time.sleep(until: moment) } catch { return }
        if !Task.isCancelled { onDeadline() }
      }
      let value = await body()
      group.cancelAll()
      return value
    }
  }
}
