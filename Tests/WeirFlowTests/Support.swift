import NIOConcurrencyHelpers
import Testing
import WeirCore
import WeirFlow

/// Returns when the condition holds; gives other tasks their turn in between.
func eventually(_ condition: () -> Bool) async {
  while !condition(), !Task.isCancelled { await Task.yield() }
}

/// Something that a task waits for until the test opens it. Ignores cancellation, as a blocked call does.
final class Gate: Sendable {
  private struct State: Sendable {
    var isOpen = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state = NIOLockedValueBox(State())

  func open() {
    let waiters = state.withLockedValue { state in
      state.isOpen = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLockedValue { state -> Bool in
        if !state.isOpen { state.waiters.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }
}

/// A number that several tasks count.
final class Counter: Sendable {
  private let state = NIOLockedValueBox(0)

  var value: Int { state.withLockedValue { $0 } }
  func add(_ amount: Int = 1) { state.withLockedValue { $0 += amount } }
}

/// A list that several tasks write to.
final class Record<Element: Sendable>: Sendable {
  private let state = NIOLockedValueBox<[Element]>([])

  var elements: [Element] { state.withLockedValue { $0 } }
  func append(_ element: Element) { state.withLockedValue { $0.append(element) } }
}

/// Random numbers that are the same on every run (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var number = state
    number = (number ^ (number >> 30)) &* 0xBF58_476D_1CE4_E5B9
    number = (number ^ (number >> 27)) &* 0x94D0_49BB_1331_11EB
    return number ^ (number >> 31)
  }
}

extension Moment {
  static func seconds(_ seconds: Double) -> Moment { Moment(nanoseconds: Int64(seconds * 1_000_000_000)) }
}

extension LaneOutcome {
  /// One request for nothing.
  static let answeredOnce = LaneOutcome.answered(requests: 1, price: .zero)
}

extension Result where Failure == CallError {
  var reason: CallError.Reason? {
    if case .failure(let error) = self { return error.reason }
    return nil
  }

  var value: Success? { try? get() }
}

func limit(_ count: Int, per period: Duration, burst: Int? = nil) throws -> RateLimit {
  try #require(RateLimit(count: count, period: period, burst: burst ?? count))
}

/// Ids as a lane would give them.
final class WaiterIDs: Sendable {
  private let counter = Counter()

  func next() -> WaiterID {
    counter.add()
    return WaiterID(number: UInt64(counter.value))
  }
}
