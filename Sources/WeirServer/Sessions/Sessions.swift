import NIOConcurrencyHelpers
import WeirCore
import WeirMCP

/// The sessions, their calls in flight and their event stream.
final class Sessions: Sendable {
  struct State {
    var table: SessionTable
    var calls: [Name: [(id: RPCID, departure: Departure)]] = [:]
    var streams = SessionStreams()
  }

  /// What their clients are asked.
  let questions: ClientQuestions
  let state: NIOLockedValueBox<State>
  let limits: FrontLimits
  let eventBudget: EventBudget

  private let onEnd: (@Sendable (Name) -> Void)?

  init(limits: FrontLimits, time: any TimeSource, onEnd: (@Sendable (Name) -> Void)? = nil) {
    self.limits = limits
    self.onEnd = onEnd
    questions = ClientQuestions(patience: limits.questionPatience, time: time)
    eventBudget = EventBudget(limit: limits.maxEventLogsBytes)
    state = NIOLockedValueBox(
      State(table: SessionTable(limit: limits.maxSessions, limitPerPrincipal: limits.maxSessionsPerPrincipal, idleTimeout: limits.sessionIdleTimeout))
    )
  }

  var count: Int { state.withLockedValue { $0.table.count } }

  func open(principal: Name, endpoint: Name, revision: ProtocolRevision, capabilities: [UInt8]?, now: Moment) throws(SessionTable.Full) -> Name {
    let id = SecretName.make()
    let (opened, gone) = state.withLockedValue { state -> (Result<Void, SessionTable.Full>, [Name]) in
      let opened = Result { () throws(SessionTable.Full) in
        try state.table.open(id, principal: principal, endpoint: endpoint, revision: revision, capabilities: capabilities, now: now)
      }
      return (opened, state.table.takeEnded())
    }
    ended(gone)
    try opened.get()
    return id
  }

  func use(_ id: Name, principal: Name, endpoint: Name, now: Moment) -> SessionTable.Session? {
    let (session, gone) = state.withLockedValue { state in
      (state.table.use(id, principal: principal, endpoint: endpoint, now: now), state.table.takeEnded())
    }
    ended(gone)
    return session
  }

  /// Ends the session, its calls and its stream.
  func close(_ id: Name, principal: Name, endpoint: Name, now: Moment) -> Bool {
    let (closed, calls, stream, gone) = state.withLockedValue { state -> (Bool, [Departure], NotificationStream?, [Name]) in
      let closed = state.table.close(id, principal: principal, endpoint: endpoint, now: now)
      let calls = closed ? state.calls.removeValue(forKey: id)?.map(\.departure) ?? [] : []
      return (closed, calls, closed ? state.streams.views[id] : nil, state.table.takeEnded())
    }
    for call in calls { call.fire(.cancelled) }
    stream?.end()
    ended(gone)
    return closed
  }

  /// `initialize` of a session that is open already (HTTP+SSE).
  func set(_ revision: ProtocolRevision, _ capabilities: [UInt8]?, in session: Name) {
    state.withLockedValue { $0.table.set(revision, capabilities, in: session) }
  }

  /// `logging/setLevel`.
  func set(_ level: LogLevel, in session: Name) { state.withLockedValue { $0.table.set(level, in: session) } }

  func logLevel(of session: Name) -> LogLevel? { state.withLockedValue { $0.table.logLevel(of: session) } }

  // MARK: Calls

  func begin(_ call: RPCID, in session: Name, departure: Departure) {
    state.withLockedValue { state in
      state.table.begin(session)
      state.calls[session, default: []].append((call, departure))
    }
  }

  func end(_ departure: Departure, in session: Name, now: Moment) {
    state.withLockedValue { state in
      state.table.end(session, now: now)
      state.calls[session]?.removeAll { $0.departure === departure }
      if state.calls[session]?.isEmpty == true { state.calls[session] = nil }
    }
  }

  /// The front ends: no call of any session gets more time.
  func endCalls() {
    for call in state.withLockedValue({ $0.calls.values.flatMap { $0.map(\.departure) } }) { call.fire(.drained) }
  }

  /// How many calls of this session are under way.
  func callCount(in session: Name) -> Int { state.withLockedValue { $0.calls[session]?.count ?? 0 } }

  /// `notifications/cancelled`: an id that is not in flight is ignored.
  func cancel(_ call: RPCID, in session: Name) {
    let departures = state.withLockedValue { $0.calls[session]?.filter { $0.id == call }.map(\.departure) ?? [] }
    for departure in departures { departure.fire(.cancelled) }
  }

  func expire(now: Moment) {
    ended(
      state.withLockedValue { state in
        state.table.expire(now: now)
        state.streams.expire(limits.resumePatience, now: now)
        return state.table.takeEnded()
      })
  }

  private func ended(_ ids: [Name]) {
    for id in ids {
      // Let go outside of the lock: what they kept is given back.
      _ = state.withLockedValue { $0.streams.remove(id) }
      questions.end(id)
      onEnd?(id)
    }
  }
}
