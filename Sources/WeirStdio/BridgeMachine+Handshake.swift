import WeirMCP

/// The handshake eras: `initialize`, `notifications/initialized`, the stream of `GET`, and what happens where the server forgets the session.
extension BridgeMachine {
  /// The client opens, most likely for the first time.
  mutating func open(_ message: ClientMessage, _ id: RPCID) -> [Action] {
    let actions = closeListener()
    generation += 1
    handshake = Handshake(opening: message, id: id, since: generation)
    return actions + [post(Waiting(message: message), .opening(id))]
  }

  /// The client is ready.
  mutating func ready(_ message: ClientMessage) -> [Action] {
    // Without a handshake the server has to say what is wrong.
    guard let phase = handshake?.phase else { return say(Waiting(message: message)) }
    handshake?.ready = message
    return phase == .opened ? proceed() : []
  }

  mutating func opened(_ id: RPCID, _ flight: Flight, _ outcome: Outcome) -> (line: [UInt8]?, actions: [Action]) {
    // The client has opened once more meanwhile.
    let isCurrent = flight.generation == generation
    switch outcome {
    case .answered(let answer):
      guard let result = answer.result else { return (answer.line, isCurrent ? failed("the server refused initialize", isOver: true) : []) }
      guard isCurrent else { return (answer.line, []) }
      guard let session = BridgeSession(result, id: answer.session) else {
        let text = "the server's answer to initialize names no revision, or a session id that is no visible ASCII"
        return (Self.error(id, text), failed(text, isOver: true))
      }
      handshake?.session = session
      handshake?.revision = session.revision
      handshake?.phase = .opened
      return (answer.line, proceed())
    case .failed(let text): return (Self.error(id, text), isCurrent ? failed(text, isOver: true) : [])
    case .accepted, .sessionLost:
      let text = "the server did not answer initialize"
      return (Self.error(id, text), isCurrent ? failed(text, isOver: true) : [])
    }
  }

  mutating func reopened(_ flight: Flight, _ outcome: Outcome) -> [Action] {
    guard flight.generation == generation, handshake != nil else { return [] }
    switch outcome {
    case .answered(let answer):
      guard let session = answer.result.flatMap({ BridgeSession($0, id: answer.session) }) else {
        return failed("the server has forgotten the session and refuses a new one", isOver: false)
      }
      guard session.revision == handshake?.revision else {
        return failed("the server speaks another revision than before (\(session.revision)); connect anew", isOver: false)
      }
      handshake?.session = session
      handshake?.phase = .opened
      return proceed()
    case .failed(let text): return failed("the server has forgotten the session, and there is no new one: \(text)", isOver: false)
    case .accepted, .sessionLost: return failed("the server has forgotten the session and refuses a new one", isOver: false)
    }
  }

  mutating func announced(_ flight: Flight, _ outcome: Outcome) -> [Action] {
    guard flight.generation == generation, handshake?.phase == .announcing else { return [] }
    var actions: [Action] = []
    switch outcome {
    case .answered, .accepted: break
    case .failed(let text): actions.append(.note("notifications/initialized was not taken: \(text)"))
    case .sessionLost: return failed(Self.unknownSession, isOver: false)
    }
    let number = nextNumber()
    listener = number
    actions.append(.listen(Listening(number: number, headers: MessageHeaders.legacy(handshake?.session))))
    return actions + restore()
  }

  /// The stream of `GET` was answered with 404.
  mutating func listenerLost(_ number: Int) -> [Action] {
    guard listener == number else { return [] }
    let actions = lost(generation)
    return actions + reopen()
  }

  /// The session of this generation is not known any more; a newer one is none of its business.
  mutating func lost(_ generation: Int) -> [Action] {
    guard generation == self.generation, let phase = handshake?.phase, phase == .open || phase == .opened || phase == .restoring else {
      return []
    }
    handshake?.phase = .gone
    return closeListener()
  }

  /// Says the client's handshake again, where the session is gone.
  mutating func reopen() -> [Action] {
    guard let handshake, handshake.phase == .gone else { return [] }
    generation += 1
    self.handshake?.phase = .opening
    self.handshake?.session = nil
    let action = post(Waiting(message: handshake.opening), .reopening(handshake.id))
    return [.note("the server has forgotten the session; a new one is opened"), action]
  }

  mutating func closeListener() -> [Action] {
    guard let number = listener.take() else { return [] }
    return [.close(number)]
  }

  /// What every session is for: to be used. The client's own `initialized` comes first, where it has said it.
  private mutating func proceed() -> [Action] {
    guard let ready = handshake?.ready else { return release() }
    handshake?.phase = .announcing
    return [post(Waiting(message: ready), .announcing)]
  }

  mutating func release() -> [Action] {
    let waiting = held
    held = []
    var actions: [Action] = []
    for one in waiting { actions += dispatch(one) }
    return actions + sayNext()
  }

  /// There is no session. Who waited for it hears why; the next message tries again where the client has been in one before.
  mutating func failed(_ text: String, isOver: Bool) -> [Action] {
    if isOver { handshake = nil } else { handshake?.phase = .gone }
    var actions: [Action] = [.note(text)]
    for id in held.flatMap(\.message.ids) { actions.append(write(Self.error(id, text))) }
    held = []
    ordered.removeAll { $0.message.version == nil }
    return actions + sayNext()
  }

  /// What `DELETE` ends; nil where there is nothing to end.
  var farewell: [MessageHeaders.Field]? {
    guard let session = handshake?.session, session.id != nil else { return nil }
    return MessageHeaders.legacy(session)
  }
}
