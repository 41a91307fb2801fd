/// A session that the server forgot is opened anew by the bridge; what the client had set in the old one is set in the new one before anything else
/// of the client's goes on.
extension BridgeMachine {
  /// Requests of a restoration that are under way at once.
  private static let maxRestoring = 8

  /// The server has answered `message` with a result.
  mutating func remember(_ message: ClientMessage, _ flight: Flight) -> [Action] {
    guard message.version == nil, let since = handshake?.since, flight.generation >= since else { return [] }
    guard let request = handshake?.memory.take(message), flight.generation != generation else { return [] }
    // The answer came from a session that is gone, and the new one may have been set up already.
    switch handshake?.phase {
    case .restoring: handshake?.unrestored.append(request)
    case .open: return [post(Waiting(message: request), .restoring)]
    case .opening, .opened, .announcing, .gone, nil: break
    }
    return []
  }

  /// The session is open: goes on at once, or after it is set up as the one before was.
  mutating func restore() -> [Action] {
    guard let handshake, generation != handshake.since else { return goOnOpen() }
    self.handshake?.phase = .restoring
    self.handshake?.unrestored = handshake.memory.requests[...]
    self.handshake?.restoring = 0
    self.handshake?.refused = 0
    return restoreMore()
  }

  mutating func restored(_ flight: Flight, _ outcome: Outcome) -> [Action] {
    guard flight.generation == generation, handshake?.phase == .restoring else { return [] }
    handshake?.restoring -= 1
    switch outcome {
    case .answered(let answer) where answer.result != nil: break
    case .answered, .accepted, .failed: handshake?.refused += 1
    case .sessionLost:
      let actions = closeListener()
      return actions + failed(Self.unknownSession, isOver: false)
    }
    return restoreMore()
  }

  private mutating func restoreMore() -> [Action] {
    var actions: [Action] = []
    while let restoring = handshake?.restoring, restoring < Self.maxRestoring, let next = handshake?.unrestored.popFirst() {
      handshake?.restoring += 1
      actions.append(post(Waiting(message: next), .restoring))
    }
    guard handshake?.restoring == 0 else { return actions }
    if let refused = handshake?.refused, refused > 0 {
      actions.append(.note("the new session does not take \(refused) of the old one's subscriptions or its log level"))
    }
    return actions + goOnOpen()
  }

  private mutating func goOnOpen() -> [Action] {
    handshake?.phase = .open
    return release()
  }
}
