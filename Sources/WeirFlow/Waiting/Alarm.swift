internal import NIOConcurrencyHelpers
package import WeirCore

/// One timer for many deadlines: rings at the earliest moment that it was set to.
///
/// Setting it later than it stands changes nothing: it rings, whoever listens finds nothing due and sets it again.
package final class Alarm: Sendable {
  private struct State: Sendable {
    var target: Moment?
    var changed: Latch?
  }

  private let time: any TimeSource
  private let state = NIOLockedValueBox(State())

  package init(time: any TimeSource) {
    self.time = time
  }

  package func set(_ moment: Moment?) {
    guard let moment, moment < .distantFuture else { return }
    let changed = state.withLockedValue { state -> Latch? in
      if let target = state.target, target <= moment { return nil }
      state.target = moment
      return state.changed
    }
    changed?.open()
  }

  /// Calls `ring` whenever the alarm is due, and sets it to the moment that `ring` returns. Ends when the task is cancelled.
  package func run(_ ring: @Sendable () async -> Moment?) async {
    while !Task.isCancelled {
      let changed = Latch()
      let target = state.withLockedValue { state in
        state.changed = changed
        return state.target
      }
      guard await isDue(target, unless: changed) else { continue }
      state.withLockedValue { $0.target = nil }
      set(await ring())
    }
  }

  /// Sleeps until `target`; false when the alarm was set earlier, or the task cancelled, in the meantime.
  private func isDue(_ target: Moment?, unless changed: Latch) async -> Bool {
    await withTaskGroup(of: Bool.self) { group in
      if let target {
        group.addTask { [time] in
          do { try await time.sleep(until: target) } catch { return false }
          return true
        }
      }
      group.addTask {
        await changed.wait()
        return false
      }
      let first = await group.next() ?? false
      group.cancelAll()
      return first
    }
  }
}
