import NIOConcurrencyHelpers
import WeirCore

/// The provider's side of a replay: lets requests through at its rate, refuses the others, and counts both. As AWS does, it charges for what
/// it answers, and a refused request uses nothing up.
final class Provider: Sendable {
  /// What a provider got.
  struct Tally: Sendable {
    /// Requests that reached it, the refused ones too.
    var received = 0
    /// Those that it answered, and charges for.
    var answered = 0
    var refused = 0
    /// Requests by operation.
    var operations: [String: Int] = [:]
  }

  private struct State {
    var tally = Tally()
    var tokens: Double
    var counted = Moment.zero
  }

  let price: MicroUSD
  private let rate: Double
  private let burst: Double
  private let state: NIOLockedValueBox<State>

  /// - Parameters:
  ///   - rate: requests per second in the long run.
  ///   - burst: how many may come at once after a pause.
  init(price: MicroUSD, rate: Int, burst: Int) {
    self.price = price
    self.rate = Double(rate)
    self.burst = Double(burst)
    self.state = NIOLockedValueBox(State(tokens: Double(burst)))
  }

  var tally: Tally { state.withLockedValue { $0.tally } }
  var charged: MicroUSD { MicroUSD(price.amount * Int64(tally.answered)) }

  /// True where it answers a request that comes now.
  func admits(_ operation: String, now: Moment) -> Bool {
    state.withLockedValue { state in
      state.tokens = min(burst, state.tokens + (now - state.counted).inSeconds * rate)
      state.counted = now
      state.tally.received += 1
      // A request that comes to the nanosecond when its token does is not too early.
      guard state.tokens >= 1 - 1e-6 else {
        state.tally.refused += 1
        return false
      }
      state.tokens -= 1
      state.tally.answered += 1
      state.tally.operations[operation, default: 0] += 1
      return true
    }
  }
}
