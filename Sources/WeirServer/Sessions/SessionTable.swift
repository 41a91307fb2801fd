package import WeirCore
package import WeirMCP

/// The sessions of legacy clients (MCP 2025-11-25, Streamable HTTP, session management): who they belong to and when they end. No I/O.
package struct SessionTable: Sendable {
  /// What a request in a session needs to know of it.
  package struct Session: Sendable, Equatable {
    package let principal: Name
    package let endpoint: Name
    /// The replica that opened it; nil: this one.
    package let owner: Name?
    /// False where only its owner knows what its client can be asked.
    package let isWhole: Bool
    package fileprivate(set) var revision: ProtocolRevision
    /// What the client can be asked, a JSON object; nil: nothing.
    package fileprivate(set) var capabilities: [UInt8]?
    /// Set by `logging/setLevel`; nil: whatever the upstream thinks fit.
    package fileprivate(set) var logLevel: LogLevel?
    package fileprivate(set) var lastUsed: Moment
    /// Calls in flight and open streams: a session in use is not idle.
    package fileprivate(set) var uses = 0
    /// When its owner was told last that it is used here.
    package fileprivate(set) var toldAt: Moment?
  }

  package enum Full: Error, Sendable, Equatable {
    /// Too many sessions, of all or of this principal.
    case tooMany
  }

  private let limit: Int
  private let limitPerPrincipal: Int
  private let idleTimeout: Duration
  private var sessions: [Name: Session] = [:]
  private var perPrincipal: [Name: Int] = [:]
  /// Sessions that have ended since `takeEnded`.
  private var ended: [Name] = []

  package init(limit: Int, limitPerPrincipal: Int, idleTimeout: Duration) {
    self.limit = limit
    self.limitPerPrincipal = limitPerPrincipal
    self.idleTimeout = idleTimeout
  }

  package var count: Int { sessions.count }

  /// A new session. Idle ones are forgotten first where there is no room. Where this principal has too many, its own session that was unused
  /// for longest gives way, unless a call or a stream is in it.
  package mutating func open(
    _ id: Name, principal: Name, endpoint: Name, revision: ProtocolRevision, capabilities: [UInt8]? = nil, owner: Name? = nil, isWhole: Bool = true,
    now: Moment
  ) throws(Full) {
    if sessions.count >= limit { expire(now: now) }
    if perPrincipal[principal, default: 0] >= limitPerPrincipal { evict(of: principal) }
    guard sessions.count < limit, perPrincipal[principal, default: 0] < limitPerPrincipal else { throw .tooMany }
    sessions[id] = Session(
      principal: principal, endpoint: endpoint, owner: owner, isWhole: isWhole, revision: revision, capabilities: capabilities, lastUsed: now)
    perPrincipal[principal, default: 0] += 1
  }

  /// The session, if it is alive and belongs to this principal and endpoint. Nil does not tell which of these failed.
  package mutating func use(_ id: Name, principal: Name, endpoint: Name, now: Moment) -> Session? {
    guard let session = sessions[id], session.principal == principal, session.endpoint == endpoint else { return nil }
    if isIdle(session, now) {
      remove(id)
      return nil
    }
    sessions[id]?.lastUsed = now
    return session
  }

  package func revision(of id: Name) -> ProtocolRevision? { sessions[id]?.revision }

  package mutating func set(_ revision: ProtocolRevision, _ capabilities: [UInt8]?, in id: Name) {
    sessions[id]?.revision = revision
    sessions[id]?.capabilities = capabilities
  }

  package func logLevel(of id: Name) -> LogLevel? { sessions[id]?.logLevel }

  package mutating func set(_ level: LogLevel, in id: Name) { sessions[id]?.logLevel = level }

  /// A call or a stream of this session begins.
  package mutating func begin(_ id: Name) { sessions[id]?.uses += 1 }

  /// And ends.
  package mutating func end(_ id: Name, now: Moment) {
    sessions[id]?.uses -= 1
    sessions[id]?.lastUsed = now
  }

  /// Another replica says that the session is used there.
  package mutating func touch(_ id: Name, now: Moment) { sessions[id]?.lastUsed = now }

  /// Whether it is time to tell the session's owner that it is used here; a second question says no for a while.
  package mutating func isToTell(_ id: Name, now: Moment) -> Bool {
    guard let session = sessions[id], session.owner != nil, session.toldAt.map({ now - $0 >= idleTimeout / 4 }) ?? true else { return false }
    sessions[id]?.toldAt = now
    return true
  }

  /// Ends a session, whoever it belongs to. False where it is not there.
  package mutating func end(_ id: Name) -> Bool {
    defer { remove(id) }
    return sessions[id] != nil
  }

  /// Those of which `isMeant` is true.
  package func ids(where isMeant: (Name) -> Bool) -> [Name] { sessions.keys.filter(isMeant) }

  /// Ends a session. Returns false where `use` would have found none.
  package mutating func close(_ id: Name, principal: Name, endpoint: Name, now: Moment) -> Bool {
    guard use(id, principal: principal, endpoint: endpoint, now: now) != nil else { return false }
    remove(id)
    return true
  }

  /// Forgets what has been idle for too long; returns the ids.
  @discardableResult
  package mutating func expire(now: Moment) -> [Name] {
    let idle = sessions.filter { isIdle($0.value, now) }.map(\.key)
    for id in idle { remove(id) }
    return idle
  }

  private mutating func evict(of principal: Name) {
    var oldest: (id: Name, lastUsed: Moment)?
    for (id, session) in sessions where session.uses == 0 && session.principal == principal {
      if let known = oldest, known.lastUsed <= session.lastUsed { continue }
      oldest = (id, session.lastUsed)
    }
    if let oldest { remove(oldest.id) }
  }

  /// The sessions that have ended since this was asked last, for whatever reason.
  package mutating func takeEnded() -> [Name] {
    guard !ended.isEmpty else { return [] }
    defer { ended = [] }
    return ended
  }

  /// Whether the session is there, idle or not.
  package func contains(_ id: Name) -> Bool { sessions[id] != nil }

  private func isIdle(_ session: Session, _ now: Moment) -> Bool { session.uses == 0 && now - session.lastUsed >= idleTimeout }

  private mutating func remove(_ id: Name) {
    guard let session = sessions.removeValue(forKey: id) else { return }
    let count = perPrincipal[session.principal, default: 1] - 1
    perPrincipal[session.principal] = count > 0 ? count : nil
    ended.append(id)
  }
}
