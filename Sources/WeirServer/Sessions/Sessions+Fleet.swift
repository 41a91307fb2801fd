import NIOConcurrencyHelpers
import WeirCore
import WeirMCP

/// Sessions that another replica opened, and what replicas tell each other of them.
extension Sessions {
  func sealed(_ principal: Name, _ endpoint: Name, _ revision: ProtocolRevision, _ capabilities: [UInt8]?) -> Name? {
    seal?.make(principal: principal, place: endpoint, revision: revision, capabilities: capabilities, now: time.wall())
  }

  /// A session of another replica, by what its name says. One of this replica that it does not know is over.
  func useAdopted(_ id: Name, principal: Name, endpoint: Name, now: Moment) -> SessionTable.Session? {
    guard let fleet, let seal else { return nil }
    let (known, gone) = state.withLockedValue { state in
      (state.adopted.use(id, principal: principal, endpoint: endpoint, now: now), state.adopted.takeEnded())
    }
    forgotten(gone)
    guard let session = known ?? adopt(id, principal, endpoint, now, fleet, seal) else { return nil }
    if state.withLockedValue({ $0.adopted.isToTell(id, now: now) }) { fleet.tell(.used(session: id)) }
    return session
  }

  private func adopt(
    _ id: Name, _ principal: Name, _ endpoint: Name, _ now: Moment, _ fleet: FrontFleet, _ seal: SessionSeal
  ) -> SessionTable.Session? {
    guard !state.withLockedValue({ $0.over.contains(SessionSeal.mark(of: id)) }),
      let facts = seal.open(id, principal: principal, place: endpoint, now: time.wall()), facts.replica != fleet.replica
    else { return nil }
    let gone = state.withLockedValue { state in
      // Where there is no room it is served all the same, and known again from its name at the next request.
      try? state.adopted.open(
        id, principal: principal, endpoint: endpoint, revision: facts.revision, capabilities: facts.capabilities, owner: facts.replica,
        isWhole: facts.isWhole, now: now)
      return state.adopted.takeEnded()
    }
    forgotten(gone)
    return SessionTable.Session(
      principal: principal, endpoint: endpoint, owner: facts.replica, isWhole: facts.isWhole, revision: facts.revision,
      capabilities: facts.capabilities, lastUsed: now)
  }

  /// What another replica tells.
  func hear(_ news: FrontNews) {
    switch news {
    case .ended(let session):
      guard isNew(SessionSeal.mark(of: session)) else { return }
      end(session)
    case .used(let session): state.withLockedValue { $0.table.touch(session, now: time.now()) }
    case .cancelled(_, let session): if let call = news.call { cancel(call, in: session) }
    }
  }

  /// Sessions that are over, by their marks: some of the news may have been lost.
  func hear(over marks: [Name]) {
    let unknown = Set(marks.filter(isNew))
    guard !unknown.isEmpty else { return }
    let isMeant = { (id: Name) in unknown.contains(SessionSeal.mark(of: id)) }
    for id in state.withLockedValue({ $0.adopted.ids(where: isMeant) + $0.table.ids(where: isMeant) }) { end(id) }
  }

  /// The session is over here and now, before its owner says so.
  func endForeign(_ session: Name) {
    if isNew(SessionSeal.mark(of: session)) { end(session) }
  }

  private func isNew(_ mark: Name) -> Bool {
    state.withLockedValue { state in
      guard !state.over.contains(mark) else { return false }
      state.over.insert(mark, now: time.now())
      return true
    }
  }
}
