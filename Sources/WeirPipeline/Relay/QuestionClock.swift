internal import NIOConcurrencyHelpers
internal import WeirCore

/// Time does not count against a call while its client thinks about what the upstream asks. Everything else does.
final class QuestionClock: Sendable {
  private struct State {
    var open = 0
    var since = Moment.zero
    var paused = Duration.zero
  }

  private let time: any TimeSource
  private let state = NIOLockedValueBox(State())

  init(time: any TimeSource) {
    self.time = time
  }

  fileprivate func begin() {
    let now = time.now()
    state.withLockedValue { state in
      if state.open == 0 { state.since = now }
      state.open += 1
    }
  }

  fileprivate func end() {
    let now = time.now()
    state.withLockedValue { state in
      state.open -= 1
      if state.open == 0 { state.paused += now - state.since }
    }
  }

  /// When this deadline is reached, as far as is known now; nil while a question is open.
  private func moved(_ deadline: Moment) -> Moment? { state.withLockedValue { $0.open > 0 ? nil : deadline + $0.paused } }

  /// Runs something until its deadline, moved by the time that questions take. `work` must return soon after it is cancelled.
  /// - Throws: `timedOut`; what `work` throws.
  func run<Value: Sendable>(until deadline: Moment, _ work: @escaping @Sendable () async -> Result<Value, CallError>) async throws(CallError) -> Value {
    let result = await withTaskGroup(of: Result<Value, CallError>?.self) { group in
      group.addTask { await work() }
      group.addTask {
        await self.wait(until: deadline)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    guard let result else { throw CallError(.timedOut, "The upstream did not answer in time; the call was cancelled and may have been carried out") }
    return try result.get()
  }

  /// A question is looked at once a second: it is a person who answers.
  private func wait(until deadline: Moment) async {
    while !Task.isCancelled {
      let end = moved(deadline)
      if let end, end <= time.now() { return }
      try? await time.sleep(until: end ?? time.now() + .seconds(1))
    }
  }
}

/// A client whose thinking time is counted, and who is told of tasks by the names that it knows.
struct AskedPeer: ClientPeer {
  let peer: any ClientPeer
  let names: TaskNames
  let upstream: Name
  let clock: QuestionClock
  /// Called before each question: what is held for the call's provider is not to be held for a person.
  var onAsk: @Sendable () -> Void = {}

  /// The same, which gives this back first.
  func lettingGo(of held: @escaping @Sendable () -> Void) -> AskedPeer {
    var copy = self
    copy.onAsk = held
    return copy
  }

  func notify(_ method: String, _ params: [UInt8]?) { peer.notify(method, names.renamed(params, of: upstream)) }

  func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8] {
    onAsk()
    clock.begin()
    defer { clock.end() }
    return try await peer.ask(method, names.renamed(params, of: upstream))
  }
}
