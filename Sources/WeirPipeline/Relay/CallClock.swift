internal import NIOConcurrencyHelpers
internal import WeirCore
internal import WeirMCP

/// How long a call may take that its client follows: time does not count while the client thinks about what the upstream asks, and each report
/// of progress gives the call its whole time again (MCP 2025-11-25, lifecycle, timeouts).
final class CallClock: Sendable {
  /// However often it reports, a call takes no longer than this.
  static let longest: Duration = .seconds(3600)

  private struct State {
    var open = 0
    var since = Moment.zero
    var paused = Duration.zero
    var reported: Moment?
  }

  private let time: any TimeSource
  private let allowance: Duration
  private let state = NIOLockedValueBox(State())

  /// - Parameter allowance: how long the call may take, and may be silent after a report.
  init(allowance: Duration, time: any TimeSource) {
    self.allowance = allowance
    self.time = time
  }

  /// The same reports, which are counted here.
  func following(_ onProgress: (@Sendable (CallProgress) -> Void)?) -> (@Sendable (CallProgress) -> Void)? {
    guard let onProgress else { return nil }
    return { [self] progress in
      let now = time.now()
      state.withLockedValue { $0.reported = now }
      onProgress(progress)
    }
  }

  fileprivate var wall: WallTime { time.wall() }

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
  private func moved(_ deadline: Moment) -> Moment? {
    state.withLockedValue { state in
      guard state.open == 0 else { return nil }
      return max(deadline, state.reported.map { $0 + allowance } ?? deadline) + state.paused
    }
  }

  /// Runs something until its deadline, moved by the time that questions take and by reports. `work` must return soon after it is cancelled.
  /// - Throws: `timedOut`; what `work` throws.
  func run<Value: Sendable>(until deadline: Moment, _ work: @escaping @Sendable () async -> Result<Value, CallError>) async throws(CallError) -> Value
  {
    let result = await withTaskGroup(of: Result<Value, CallError>?.self) { group in
      // The work and its deadline: the first to end cancels the other, and both are awaited.
      group.addTask { await work() }
      group.addTask {
        await self.wait(until: deadline)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    if result == nil, Task.isCancelled { throw CallError(.cancelled, "The call was given up.") }
    guard let result else {
      throw CallError(.timedOut, "The upstream did not answer in time; the call was cancelled and may have been carried out")
    }
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
  let introduction: Introduction
  let clock: CallClock
  /// What the client declared that it can be asked, and from which level on it wants to hear the log: a modern one without a level none at all
  /// (MCP 2026-07-28, logging).
  let client: UpstreamCaller
  /// Called before each question: what is held for the call's provider is not to be held for a person.
  var onAsk: @Sendable () -> Void = {}

  /// The same, which gives this back first.
  func lettingGo(of held: @escaping @Sendable () -> Void) -> AskedPeer {
    var copy = self
    copy.onAsk = held
    return copy
  }

  private var upstream: Name { introduction.upstream }

  func notify(_ method: String, _ params: [UInt8]?) {
    if method == MCPMethod.message, !hears(params) { return }
    // The modern era has no such notification: its clients come back when their users have been where they were sent.
    if method == MCPMethod.elicitationComplete, client.session == nil { return }
    peer.notify(method, names.renamed(params, of: upstream))
  }

  /// Upstreams do not all filter, and a session may have been set to another call's level.
  private func hears(_ message: [UInt8]?) -> Bool {
    guard let level = LogLevel(json: client.logLevel) else { return client.session != nil }
    return level.admits(message)
  }

  func pause() {
    onAsk()
    clock.begin()
  }

  func resume() { clock.end() }

  func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8] {
    guard ClientCapabilities.permit(method, params, in: client.capabilities) else {
      throw ClientRefusal(code: RPCErrorObject.methodNotFound, message: "this client did not declare that it can be asked this")
    }
    pause()
    defer { resume() }
    let shown = names.renamed(introduction.named(method, params), of: upstream)
    return names.ownNames(in: try await peer.ask(method, shown), now: clock.wall)
  }
}
