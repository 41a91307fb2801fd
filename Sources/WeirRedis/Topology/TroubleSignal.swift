internal import NIOConcurrencyHelpers
internal import NIOCore

/// Says when it is time to look again, by a `RefreshGate`.
final class TroubleSignal: Sendable {
  private let gate: NIOLockedValueBox<RefreshGate>
  private let signal = ChangeSignal()

  init(_ gate: RefreshGate) {
    self.gate = NIOLockedValueBox(gate)
  }

  func raise() {
    if gate.withLockedValue({ $0.request() }) { signal.changed() }
  }

  /// Calls `refresh` whenever it is due, until the task is cancelled.
  func follow(on loop: any EventLoop, _ refresh: () async -> Bool) async {
    while !Task.isCancelled {
      gate.withLockedValue { $0.begin() }
      let hasSucceeded = await refresh()
      gate.withLockedValue { $0.end(at: .now(), succeeded: hasSucceeded, jitter: .random(in: 0...1)) }
      while !Task.isCancelled {
        let due = gate.withLockedValue { $0.due }
        if due <= .now() { break }
        // Trouble brings the date forward.
        await signal.wait(until: due, on: loop) { gate.withLockedValue { $0.due } < due }
      }
    }
  }
}
