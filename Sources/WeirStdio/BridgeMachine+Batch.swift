import WeirMCP

/// JSON-RPC batches, which only 2025-03-26 has. They leave as they came, and each answer is handed back as a message of its own, as soon as it is
/// there: whoever sends batches has to understand both forms.
extension BridgeMachine {
  mutating func batch(_ batch: ClientMessage) -> [Action] {
    if let error = fault(of: batch) {
      let ids = Set(batch.ids.filter { !isInUse($0) }).map(Optional.some)
      return (ids.isEmpty ? [nil] : ids).map { write(RPCWriter.error(id: $0, error)) }
    }
    // What the bridge has to know of goes its usual way.
    var actions: [Action] = []
    for message in batch.members where message.method == MCPMethod.initialized { actions += received(message) }
    if let rest = batch.keeping({ $0.method != MCPMethod.initialized && $0.method != MCPMethod.cancelled }) {
      actions += dispatch(Waiting(message: rest))
    }
    for message in batch.members where message.method == MCPMethod.cancelled { actions += received(message) }
    return actions
  }

  private func fault(of batch: ClientMessage) -> RPCErrorObject? {
    guard handshake?.revision == ProtocolRevision.v2025_03_26.rawValue else {
      return Self.invalid("a batch is for sessions of 2025-03-26 alone, once initialize is answered; send one message at a time")
    }
    if batch.members.contains(where: { $0.method == MCPMethod.initialize }) { return Self.invalid("initialize must not be part of a batch") }
    if batch.members.contains(where: { $0.version != nil }) { return Self.invalid("a message that names its revision must not be part of a batch") }
    let ids = batch.ids
    if let id = ids.first(where: { isInUse($0) }) { return Self.inUse(id) }
    if Set(ids).count < ids.count { return Self.invalid("an id occurs twice in a batch; each request needs its own") }
    return crowded(by: batch)
  }

  /// One of the answers to a batch.
  /// - Returns: the line that the client gets, and what else is to be done.
  mutating func partly(_ number: Int, _ answer: ServerAnswer) -> (line: [UInt8]?, actions: [Action]) {
    guard let flight = flights[number], let id = answer.id, numbers[id] == number else { return (nil, []) }
    numbers[id] = nil
    guard answer.result != nil, let message = flight.waiting.message.members.first(where: { $0.id == id }) else { return (answer.line, []) }
    return (answer.line, remember(message, flight))
  }

  /// No more answers come: what has none gets an error, or goes out once more where the session is gone.
  mutating func batchEnded(_ number: Int, _ flight: Flight, _ outcome: Outcome) -> [Action] {
    let message = flight.waiting.message
    let open = Set(message.ids.filter { numbers[$0] == number })
    for id in open { numbers[id] = nil }
    let text: String
    switch outcome {
    case .answered, .accepted: text = "the server did not answer this request of the batch"
    case .failed(let reason): text = reason
    case .sessionLost:
      guard flight.waiting.isRetry || handshake == nil else {
        let actions = lost(flight.generation)
        guard let rest = message.keeping({ $0.id.map(open.contains) ?? true }) else { return actions }
        return actions + dispatch(Waiting(message: rest, isRetry: true))
      }
      text = Self.unknownSession
    }
    return message.ids.filter(open.contains).map { write(Self.error($0, text)) }
  }

  /// Whether a request that is still to be answered has this id.
  func isInUse(_ id: RPCID) -> Bool { numbers[id] != nil || (held + puzzled).contains { $0.message.ids.contains(id) } }

  /// What is said to requests that are too many, or too large, beside those under way.
  func crowded(by message: ClientMessage) -> RPCErrorObject? {
    let underWay = (flights.values.map(\.waiting) + held + puzzled).map(\.message)
    let count = (underWay + [message]).reduce(0) { $0 + max(1, $1.ids.count) }
    let bytes = underWay.reduce(0) { $0 + $1.line.count }
    let text: String
    if count > Self.maxUnderWay {
      text = "\(Self.maxUnderWay) requests are under way"
    } else if !underWay.isEmpty, bytes + message.line.count > Self.maxUnderWayBytes {
      text = "requests of \(Self.maxUnderWayBytes) bytes are under way"
    } else {
      return nil
    }
    return RPCErrorObject(code: RPCErrorObject.internalError, message: "\(text); send more when some of them are answered")
  }

  static func inUse(_ id: RPCID) -> RPCErrorObject { invalid("the id \(id) is that of a request under way; each needs its own") }

  private static func invalid(_ text: String) -> RPCErrorObject { RPCErrorObject(code: RPCErrorObject.invalidRequest, message: text) }
}
