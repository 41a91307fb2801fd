#if DEBUG
  internal import Foundation
  internal import NIOConcurrencyHelpers
  package import WeirCore

  /// A clock that a test sets: the civil time stands in a file, in milliseconds since the epoch, and goes on from there. When the file jumps, both
  /// clocks do. Only in debug builds; the environment variable `WEIR_TEST_CLOCK` names the file.
  package struct TestClock: TimeSource {
    private struct State {
      var checked: Moment
      /// What the file said last, and when.
      var said: Int64
      var read: Moment
      /// What the monotonic clock is ahead by.
      var ahead = Duration.zero
    }

    private static let pace: Duration = .milliseconds(5)
    private let machine = SystemTime()
    private let path: String
    private let state: NIOLockedValueBox<State>

    /// Nil where the environment names no file, or nothing can be read there.
    package init?(environment: [String: String] = ProcessInfo.processInfo.environment) {
      guard let path = environment["WEIR_TEST_CLOCK"], let said = Self.read(path) else { return nil }
      self.path = path
      let now = machine.now()
      state = NIOLockedValueBox(State(checked: now, said: said, read: now))
    }

    package func now() -> Moment { refreshed { $0 + $1.ahead } }

    package func wall() -> WallTime {
      refreshed { now, state in WallTime(milliseconds: state.said.addingSaturating((now - state.read).saturatedMilliseconds)) }
    }

    package func sleep(until moment: Moment) async throws {
      while case let left = moment - now(), left > .zero { try await machine.sleep(until: machine.now() + min(left, .milliseconds(50))) }
    }

    private func refreshed<Value>(_ body: (Moment, State) -> Value) -> Value {
      state.withLockedValue { state in
        let now = machine.now()
        if now - state.checked >= Self.pace {
          state.checked = now
          if let said = Self.read(path), said != state.said {
            let expected = state.said.addingSaturating((now - state.read).saturatedMilliseconds)
            state.ahead += .milliseconds(max(0, said - expected))
            state.said = said
            state.read = now
          }
        }
        return body(now, state)
      }
    }

    private static func read(_ path: String) -> Int64? {
      guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
      return Int64(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }
#endif
