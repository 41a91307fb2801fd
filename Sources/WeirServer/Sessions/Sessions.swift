import NIOConcurrencyHelpers
import WeirCore
import WeirMCP

/// The sessions, their calls in flight and their event stream.
final class Sessions: Sendable {
  struct State {
    /// Those that were opened here.
    var table: SessionTable
    /// Those of other replicas, as far as they were used here. They take no place of the others, and one that is forgotten is known again from
    /// its name.
    var adopted: SessionTable
    /// Those of the fleet that are over.
    var over = EndedSessions()
    var calls: [Name: [(id: RPCID, departure: Departure)]] = [:]
    var streams = SessionStreams()

    func contains(_ id: Name) -> Bool { table.contains(id) || adopted.contains(id) }

    /// The table that has the session, or could have.
    mutating func withTable<Value>(of id: Name, _ change: (inout SessionTable) -> Value) -> Value {
      adopted.contains(id) ? change(&adopted) : change(&table)
    }
  }

  /// What their clients are asked.
  let questions: ClientQuestions
  let state: NIOLockedValueBox<State>
  let limits: FrontLimits
  let eventBudget: EventBudget
  let fleet: FrontFleet?
  let time: any TimeSource
  let seal: SessionSeal?

  private let onEnd: (@Sendable (Name) -> Void)?

  init(limits: FrontLimits, time: any TimeSource, fleet: FrontFleet? = nil, onEnd: (@Sendable (Name) -> Void)? = nil) {
    self.limits = limits
    self.onEnd = onEnd
    self.fleet = fleet
    self.time = time
    seal = fleet.map { SessionSeal(sealer: $0.sealer, replica: $0.replica) }
    questions = ClientQuestions(patience: limits.questionPatience, time: time, replica: fleet?.replica)
    eventBudget = EventBudget(limit: limits.maxEventLogsBytes)
    let table = SessionTable(
      limit: limits.maxSessions, limitPerPrincipal: limits.maxSessionsPerPrincipal, idleTimeout: limits.sessionIdleTimeout)
    state = NIOLockedValueBox(State(table: table, adopted: table))
  }

  /// Those that were opened here.
  var count: Int { state.withLockedValue { $0.table.count } }
  /// Those of other replicas that are known here.
  var adoptedCount: Int { state.withLockedValue { $0.adopted.count } }

  func open(principal: Name, endpoint: Name, revision: ProtocolRevision, capabilities: [UInt8]?, now: Moment) throws(SessionTable.Full) -> Name {
    let id = sealed(principal, endpoint, revision, capabilities) ?? SecretName.make()
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
    return session ?? useAdopted(id, principal: principal, endpoint: endpoint, now: now)
  }

  /// Ends the session, its calls and its stream.
  func close(_ id: Name, principal: Name, endpoint: Name, now: Moment) -> Bool {
    let isThere = state.withLockedValue { state in
      state.withTable(of: id) { $0.use(id, principal: principal, endpoint: endpoint, now: now) != nil }
    }
    if isThere { end(id) }
    return isThere
  }

  /// Ends the session, its calls and its stream, whoever it belongs to.
  func end(_ id: Name) {
    let (calls, stream, own, foreign) = state.withLockedValue { state -> ([Departure], NotificationStream?, [Name], [Name]) in
      let isThere = state.withTable(of: id) { $0.end(id) }
      let calls = isThere ? state.calls.removeValue(forKey: id)?.map(\.departure) ?? [] : []
      return (calls, isThere ? state.streams.views[id] : nil, state.table.takeEnded(), state.adopted.takeEnded())
    }
    for call in calls { call.fire(.cancelled) }
    stream?.end()
    ended(own)
    forgotten(foreign)
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
      state.withTable(of: session) { $0.begin(session) }
      state.calls[session, default: []].append((call, departure))
    }
  }

  func end(_ departure: Departure, in session: Name, now: Moment) {
    state.withLockedValue { state in
      state.withTable(of: session) { $0.end(session, now: now) }
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

  /// `notifications/cancelled`: an id that is not in flight is ignored. False for such a one.
  @discardableResult
  func cancel(_ call: RPCID, in session: Name) -> Bool {
    let departures = state.withLockedValue { $0.calls[session]?.filter { $0.id == call }.map(\.departure) ?? [] }
    for departure in departures { departure.fire(.cancelled) }
    return !departures.isEmpty
  }

  func expire(now: Moment) {
    let (own, foreign) = state.withLockedValue { state in
      state.table.expire(now: now)
      state.adopted.expire(now: now)
      state.streams.expire(limits.resumePatience, now: now)
      return (state.table.takeEnded(), state.adopted.takeEnded())
    }
    ended(own)
    forgotten(foreign)
  }

  /// These are over, for every replica.
  private func ended(_ ids: [Name]) {
    forgotten(ids)
    guard let fleet else { return }
    for id in ids {
      state.withLockedValue { $0.over.insert(SessionSeal.mark(of: id), now: time.now()) }
      fleet.tell(.ended(session: id))
    }
  }

  /// What this replica has of these is let go.
  func forgotten(_ ids: [Name]) {
    for id in ids {
      // Let go outside of the lock: what they kept is given back.
      _ = state.withLockedValue { $0.streams.remove(id) }
      questions.end(id)
      onEnd?(id)
    }
  }
}
