import WeirCore
import WeirJSON
import WeirMCP

/// A session in which everything that the server says comes on one event stream (MCP 2024-11-05, HTTP with SSE): where messages are posted, and
/// which requests have been sent and not answered. Pure: it is told what came and who waits, and says who is to hear of it.
struct ChannelMachine<Waiter: Sendable>: Sendable {
  typealias Outcome = Result<HTTPExchange.Answer, HTTPRefusal>

  enum Phase: Sendable {
    case opening
    case open(endpoint: String)
    case ended(HTTPRefusal)
  }

  /// What a message of the server is.
  enum Receipt: Sendable {
    /// The answer to a request. Who sent it may not have come to wait yet, and finds it then.
    case answer(Waiter?, Outcome)
    /// A request or a notification.
    case other(RPCMessage)
    /// An answer to nothing that is under way: late, doubled, or never asked for.
    case unknown
    /// No message. It can end no more than the wait for the answer that it was meant to be.
    case invalid(Waiter?, Outcome)
    /// The stream is of no use.
    case fatal(HTTPRefusal)
    /// It came after the end.
    case ignored
  }

  /// Whose wait has ended.
  enum Settlement: Sendable {
    case unknown
    /// Nobody waits yet; who comes finds the outcome.
    case early
    case due(Waiter)
  }

  private struct Entry: Sendable {
    enum Standing: Sendable {
      case sent
      case waiting(Waiter)
      case over(Outcome)
    }

    var progress: ProgressFilter
    let peer: (any ClientPeer)?
    var standing = Standing.sent

    var isOver: Bool { if case .over = standing { true } else { false } }
  }

  private(set) var phase = Phase.opening
  private var entries: [Int: Entry] = [:]

  /// The clients of the requests under way, in the order in which these were sent.
  var peers: [any ClientPeer] { underWay.sorted().compactMap { entries[$0]?.peer } }

  private var underWay: [Int] { entries.filter { !$0.value.isOver }.map(\.key) }
  private var soleID: Int? { underWay.count == 1 ? underWay.first : nil }

  // MARK: Who asks

  /// A request is about to be sent. False where the stream has ended: its answer could not come.
  mutating func expect(_ id: Int, progress: ProgressFilter, peer: (any ClientPeer)?) -> Bool {
    if case .ended = phase { return false }
    entries[id] = Entry(progress: progress, peer: peer)
    return true
  }

  /// Who sent the request waits from now on, unless the outcome is there already.
  mutating func park(_ id: Int, _ waiter: Waiter) -> Outcome? {
    guard let entry = entries[id] else { return .failure(.cutOff) }
    guard case .over(let outcome) = entry.standing else {
      entries[id]?.standing = .waiting(waiter)
      return nil
    }
    entries[id] = nil
    return outcome
  }

  /// Ends the wait for one answer. What comes for it later is unknown.
  mutating func settle(_ id: Int, _ outcome: Outcome) -> Settlement {
    guard let entry = entries[id] else { return .unknown }
    switch entry.standing {
    case .over: return .unknown
    case .sent:
      entries[id]?.standing = .over(outcome)
      return .early
    case .waiting(let waiter):
      entries[id] = nil
      return .due(waiter)
    }
  }

  /// Nobody will wait for it: sending it failed. The outcome where there is one all the same.
  mutating func forget(_ id: Int) -> Outcome? {
    guard case .over(let outcome)? = entries.removeValue(forKey: id)?.standing else { return nil }
    return outcome
  }

  // MARK: What came

  /// The stream has named where to post. Only the first time counts.
  mutating func named(_ endpoint: String) {
    if case .opening = phase { phase = .open(endpoint: endpoint) }
  }

  mutating func receive(_ message: IncomingMessage) -> Receipt {
    switch phase {
    case .opening: return .fatal(.invalid("its event stream does not begin with an endpoint"))
    case .ended: return .ignored
    case .open: break
    }
    switch message {
    case .message(.response(let id, let result)): return answered(id, .result(result))
    case .message(.failure(let id, let error)): return answered(id, .failure(error))
    case .message(let message): return .other(message)
    case .malformed(let root, let error): return invalid(root["method"] == nil ? Self.number(RPCMessage.id(of: root)) : nil, error.message)
    // Where only one request is under way and it looks like a message, it was the answer.
    case .unreadable(let looksLikeObject, let error): return invalid(looksLikeObject ? soleID : nil, "its answer is no JSON: \(error.message)")
    }
  }

  /// What is left to do for a progress report: those of requests under way are passed on, as `ProgressFilter` has it.
  mutating func progressed(_ params: JSONValue, now: Moment) -> (@Sendable () -> Void)? {
    params["progressToken"]?.int.flatMap { entries[$0]?.progress.admit(params, now: now) }
  }

  /// The stream is over: who waits hears so. Where it broke on what it carried and one request was under way, that was its answer.
  mutating func end(_ refusal: HTTPRefusal) -> [(waiter: Waiter, outcome: Outcome)] {
    if case .ended = phase { return [] }
    phase = .ended(refusal)
    var outcome = Outcome.failure(.cutOff)
    if case .invalid = refusal, soleID != nil { outcome = .failure(refusal) }
    return underWay.compactMap { id in
      if case .due(let waiter) = settle(id, outcome) { (waiter, outcome) } else { nil }
    }
  }

  private mutating func answered(_ id: RPCID?, _ answer: HTTPExchange.Answer) -> Receipt {
    guard let number = Self.number(id) else { return .unknown }
    switch settle(number, .success(answer)) {
    case .unknown: return .unknown
    case .early: return .answer(nil, .success(answer))
    case .due(let waiter): return .answer(waiter, .success(answer))
    }
  }

  private mutating func invalid(_ id: Int?, _ reason: String) -> Receipt {
    let outcome = Outcome.failure(.invalid(reason))
    if let id, case .due(let waiter) = settle(id, outcome) { return .invalid(waiter, outcome) }
    return .invalid(nil, outcome)
  }

  private static func number(_ id: RPCID?) -> Int? {
    guard let id, let number = id.int, id == RPCID(number) else { return nil }
    return number
  }
}
