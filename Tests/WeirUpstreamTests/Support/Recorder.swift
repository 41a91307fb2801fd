import NIOConcurrencyHelpers
import WeirCore

@testable import WeirUpstream

/// An observer that keeps what it hears, and can be waited for.
final class Recorder: UpstreamObserver {
  struct Heard: Sendable {
    var states: [UpstreamState] = []
    var catalogs: [UpstreamCatalog] = []
    var updates: [Name] = []
    var state: UpstreamState? { states.last }
    var tools: [String] { catalogs.last?.tools.map { "\($0.name)" } ?? [] }
    var isDown: Bool { if case .down = state { true } else { false } }
  }

  private struct State {
    var heard = Heard()
    var waiters: [(condition: @Sendable (Heard) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state = NIOLockedValueBox(State())

  var heard: Heard { state.withLockedValue { $0.heard } }

  func upstream(_ name: Name, offers catalog: UpstreamCatalog, announced: UpstreamFeatures) { note { $0.catalogs.append(catalog) } }
  func upstream(_ name: Name, became state: UpstreamState) { note { $0.states.append(state) } }

  func upstream(_ name: Name, updated uri: Name) { note { $0.updates.append(uri) } }

  /// Returns as soon as the condition holds. The suites have time limits.
  func until(_ condition: @escaping @Sendable (Heard) -> Bool) async {
    await withCheckedContinuation { continuation in
      let holds = state.withLockedValue { state in
        if condition(state.heard) { return true }
        state.waiters.append((condition, continuation))
        return false
      }
      if holds { continuation.resume() }
    }
  }

  private func note(_ change: (inout Heard) -> Void) {
    let due = state.withLockedValue { state in
      change(&state.heard)
      let heard = state.heard
      let due = state.waiters.filter { $0.condition(heard) }.map(\.continuation)
      state.waiters.removeAll { $0.condition(heard) }
      return due
    }
    for continuation in due { continuation.resume() }
  }
}
