internal import NIOConcurrencyHelpers
package import WeirCore

/// A clock that moves only when told to, for tests: sleepers wake in the order of their deadlines when `advance` passes them.
package final class ManualTime: TimeSource {
  private struct Sleeper {
    let id: Int
    let deadline: Moment
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var now = ManualTime.start
    var sleepers: [Sleeper] = []
    var cancelled: Set<Int> = []
    var nextID = 0
    var sleepersAwaited: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private static let start = Moment(nanoseconds: 1_000_000_000)

  private let startWall: WallTime
  private let state = NIOLockedValueBox(State())

  /// Starts at `wall`; the default is 2026-11-23T00:00:00Z.
  package init(wall: WallTime = WallTime(milliseconds: 1_795_392_000_000)) {
    startWall = wall
  }

  package func now() -> Moment { state.withLockedValue { $0.now } }
  package func wall() -> WallTime { startWall + (now() - Self.start) }

  /// When the next sleeper wakes; nil while nobody sleeps.
  package var nextWake: Moment? { state.withLockedValue { $0.sleepers.map(\.deadline).min() } }

  /// Moves both clocks and wakes whoever is due.
  package func advance(by duration: Duration) {
    let due = state.withLockedValue { state -> [Sleeper] in
      state.now = state.now + duration
      let due = state.sleepers.filter { $0.deadline <= state.now }.sorted { $0.deadline < $1.deadline }
      state.sleepers.removeAll { $0.deadline <= state.now }
      return due
    }
    for sleeper in due { sleeper.continuation.resume() }
  }

  /// Returns as soon as at least `count` tasks sleep on this clock: the event to wait for before `advance`.
  package func sleepers(atLeast count: Int) async {
    await withCheckedContinuation { continuation in
      let ready = state.withLockedValue { state -> Bool in
        if state.sleepers.count >= count { return true }
        state.sleepersAwaited.append((count, continuation))
        return false
      }
      if ready { continuation.resume() }
    }
  }

  package func sleep(until moment: Moment) async throws {
    let id = state.withLockedValue { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        park(Sleeper(id: id, deadline: moment, continuation: continuation))
      }
    } onCancel: {
      cancel(id)
    }
  }

  private enum Parking { case due, cancelled, parked([CheckedContinuation<Void, Never>]) }

  private func park(_ sleeper: Sleeper) {
    let parking = state.withLockedValue { state -> Parking in
      if state.cancelled.remove(sleeper.id) != nil { return .cancelled }
      if sleeper.deadline <= state.now { return .due }
      state.sleepers.append(sleeper)
      let count = state.sleepers.count
      let awaiting = state.sleepersAwaited.filter { $0.count <= count }.map(\.continuation)
      state.sleepersAwaited.removeAll { $0.count <= count }
      return .parked(awaiting)
    }
    switch parking {
    case .due: sleeper.continuation.resume()
    case .cancelled: sleeper.continuation.resume(throwing: CancellationError())
    case .parked(let awaiting): for continuation in awaiting { continuation.resume() }
    }
  }

  private func cancel(_ id: Int) {
    let sleeper = state.withLockedValue { state -> Sleeper? in
      guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
        state.cancelled.insert(id)
        return nil
      }
      return state.sleepers.remove(at: index)
    }
    sleeper?.continuation.resume(throwing: CancellationError())
  }
}
