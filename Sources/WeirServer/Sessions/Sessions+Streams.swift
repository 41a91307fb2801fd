import NIOConcurrencyHelpers
import WeirCore
import WeirMCP

/// Event streams of sessions, and their past.
extension Sessions {
  enum StreamRefusal: Error {
    case exists
    case tooMany
    case gone
    /// The events that are asked for are not kept any more.
    case forgotten
  }

  /// Opens a reader (`view.mailbox`) of the session's own stream, or of the one that the id of an event names: what came after that comes first.
  /// Who comes back takes the place of the connection that was lost, whether that has been noticed or not.
  func open(_ view: NotificationStream, after lastEvent: String? = nil) throws(StreamRefusal) {
    let (refusal, replaced) = state.withLockedValue { state -> (StreamRefusal?, NotificationStream?) in
      // It may have ended since the request was let in.
      guard state.contains(view.session) else { return (.gone, nil) }
      let position = lastEvent.flatMap { ResumableStream.position($0) }
      if lastEvent != nil, position == nil || (position?.replica ?? fleet?.replica) != fleet?.replica { return (.forgotten, nil) }
      if let position, position.stream != 0 {
        guard let stream = state.streams.stream(position.stream, of: view.session) else { return (.forgotten, nil) }
        guard hasRoom(for: view.principal, state) else { return (.tooMany, nil) }
        guard stream.attach(view.mailbox, after: position.event) else { return (.forgotten, nil) }
        view.read(stream)
        state.streams.addReader(of: view.principal)
        return (nil, nil)
      }
      let present = state.streams.views[view.session]
      if present != nil, position == nil { return (.exists, nil) }
      if present == nil, !hasRoom(for: view.principal, state) { return (.tooMany, nil) }
      let home = state.streams.home(of: view.session) { newStream(0) }
      guard home.attach(view.mailbox, after: position?.event, isPrimed: Self.isPrimed(view.session, state)) else { return (.forgotten, nil) }
      state.streams.open(view)
      if present == nil { state.withTable(of: view.session) { $0.begin(view.session) } }
      return (nil, present)
    }
    replaced?.end()
    if let refusal { throw refusal }
  }

  private func hasRoom(for principal: Name, _ state: State) -> Bool {
    state.streams.readers < limits.maxStreams && state.streams.count(of: principal) < limits.maxStreamsPerPrincipal
  }

  /// The reader is gone. What it read goes on, and may be taken up again.
  func close(_ view: NotificationStream, now: Moment) {
    state.withLockedValue { state in
      if let stream = view.takeResumed() {
        stream.detach(view.mailbox)
        return state.streams.removeReader(of: view.principal)
      }
      guard state.streams.close(view) else { return }
      state.streams.home(of: view.session)?.detach(view.mailbox)
      state.withTable(of: view.session) { $0.end(view.session, now: now) }
    }
  }

  /// A stream for the answer of a call, read by `view`, which goes on where the client's connection is lost. `lost` is for who comes back too
  /// late for a large answer. Nil where the session has ended.
  func openCallStream(in session: Name, view: StreamMailbox, lost: [UInt8]) -> ResumableStream? {
    state.withLockedValue { state in
      guard state.contains(session) else { return nil }
      let stream = state.streams.add(to: session, limit: limits.maxEndedCallStreams) { newStream($0, lost: .whole(lost)) }
      _ = stream.attach(view, after: nil, isPrimed: Self.isPrimed(session, state))
      return stream
    }
  }

  private static func isPrimed(_ session: Name, _ state: State) -> Bool {
    ((state.table.revision(of: session) ?? state.adopted.revision(of: session)) ?? .v2025_11_25) >= .v2025_11_25
  }

  private func newStream(_ number: Int, lost: ReplyBody? = nil) -> ResumableStream {
    ResumableStream(number: number, limit: limits.maxEventLogBytes, budget: eventBudget, lost: lost, replica: fleet?.replica)
  }

  /// Gives an event to the client of a session by its own stream. False where it has none that could be read.
  func push(_ event: [UInt8], to session: Name) -> Bool {
    state.withLockedValue { $0.streams.home(of: session) }?.push(event) ?? false
  }

  /// Gives an event to every session that has a stream of its own and whom changes of this upstream's lists concern, and says how many had no
  /// room for it.
  func push(_ event: [UInt8], toAllWhoSee upstream: Name) -> Int { push(event) { $0.isConcerned(upstream) } }

  /// Gives an event to every session that has a stream of its own, and says how many had no room for it.
  func pushToAll(_ event: [UInt8]) -> Int { push(event) { _ in true } }

  private func push(_ event: [UInt8], where isMeant: (NotificationStream) -> Bool) -> Int {
    let views = state.withLockedValue { state in state.streams.views.compactMap { id, view in state.streams.home(of: id).map { (view, $0) } } }
    return views.count { view, home in isMeant(view) && !home.push(event) }
  }

  /// Whether the session's client reads its own stream now: then it can be asked something.
  func isReading(_ session: Name) -> Bool { view(of: session) != nil }

  /// Who reads the session's own stream.
  func view(of session: Name) -> NotificationStream? { state.withLockedValue { $0.streams.views[session] } }

  var openStreams: [NotificationStream] { state.withLockedValue { Array($0.streams.views.values) } }
}
