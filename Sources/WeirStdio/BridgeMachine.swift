import WeirCore
import WeirJSON
import WeirMCP

/// Decides what becomes of every message between a client on standard input and its server: what is sent when and with which headers, what waits
/// for the handshake, what is written. Pure; `StdioBridge` carries out what it says.
///
/// Requests leave side by side. Notifications and responses leave one after the other. What belongs to a handshake waits until it is done, and
/// where the server has forgotten the session, the client's own handshake is said again and what was refused goes out once more.
struct BridgeMachine: Sendable {
  enum Action: Sendable {
    /// Send, beside whatever else is under way.
    case post(Outgoing)
    /// End what has this number, if it still runs.
    case close(Int)
    /// Hear what the server says unasked.
    case listen(Listening)
    /// Write this line, and say so by `written`.
    case write([UInt8])
    /// One line for people.
    case note(String)
    /// Call `graceEnded` after this time.
    case endAfter(Duration)
    /// Stop everything.
    case end
  }

  /// What a message is sent for.
  enum Role: Sendable, Equatable {
    case request(RPCID)
    /// Several messages, some of them requests.
    case batch
    /// A notification or a response: the next one waits for it.
    case ordered
    /// The client's own `initialize`.
    case opening(RPCID)
    /// Its `initialize` once more, which it gets no answer to.
    case reopening(RPCID)
    /// `notifications/initialized`.
    case announcing
    /// What the client had set in a session before.
    case restoring
    /// A list of tools that the bridge itself asks for.
    case listing
  }

  /// A message that leaves.
  struct Outgoing: Sendable {
    let number: Int
    let role: Role
    let message: ClientMessage
    let headers: [MessageHeaders.Field]
  }

  /// An event stream that is to be opened and kept open.
  struct Listening: Sendable {
    let number: Int
    let headers: [MessageHeaders.Field]
  }

  /// What a message came to.
  enum Outcome: Sendable {
    case answered(ServerAnswer)
    /// Taken, as notifications and responses are.
    case accepted
    /// The server does not know the session.
    case sessionLost
    /// One line for the client.
    case failed(String)
  }

  /// A message that waits to be sent.
  struct Waiting: Sendable {
    var message: ClientMessage
    /// It has been refused for want of a session before.
    var isRetry = false
    /// The number of the request that this message cancels.
    var cancels: Int?
  }

  /// A message under way.
  struct Flight: Sendable {
    let role: Role
    let waiting: Waiting
    /// Of the handshake that it was sent in.
    let generation: Int
    var isCancelled = false
    /// What is written when it is over, beside its answer.
    var epilogue: [UInt8]?
  }

  /// The handshake of the client, kept to be said again.
  struct Handshake: Sendable {
    enum Phase: Sendable {
      /// `initialize` is under way.
      case opening
      /// It is answered; the client has not said that it is ready.
      case opened
      /// The client's `initialized` is under way.
      case announcing
      /// What the client had set in the session before is set again.
      case restoring
      case open
      /// The server has forgotten the session.
      case gone
    }

    let opening: ClientMessage
    let id: RPCID
    /// The generation that it began with.
    let since: Int
    var ready: ClientMessage?
    var phase = Phase.opening
    var session: BridgeSession?
    /// What the client was answered.
    var revision: String?
    /// What the client has set in its sessions.
    var memory = SessionMemory()
    /// What a new session has to be told yet.
    var unrestored: ArraySlice<ClientMessage> = []
    /// How much of it is under way, and how much was refused.
    var restoring = 0
    var refused = 0
  }

  static let maxUnderWay = 256
  /// Bytes of requests under way: their answers may need further lines of the client, so that there is no waiting for them.
  static let maxUnderWayBytes = 64 * 1024 * 1024
  static let maxOrdered = 1024
  /// Bytes of what waits for the server or the client to take it.
  static let maxWaitingBytes = 8 * 1024 * 1024

  var handshake: Handshake?
  /// Counts the handshakes with the server.
  var generation = 0
  var flights: [Int: Flight] = [:]
  /// Requests under way that are still to be answered.
  var numbers: [RPCID: Int] = [:]
  /// Requests that wait for the handshake.
  var held: [Waiting] = []
  /// Notifications and responses in their order.
  var ordered: [Waiting] = []
  /// The one of them that is under way.
  var orderedNumber: Int?
  var listener: Int?
  /// Lines of the bridge's own that are not written yet.
  private var unwritten = 0
  private var unwrittenBytes = 0
  private var lastNumber = 0
  /// Tools that have arguments to be repeated in headers.
  var tools: [Name: HeaderParameters] = [:]
  /// Calls that were refused for want of such headers, while the tools are listed.
  var puzzled: [Waiting] = []
  /// Pages of that list.
  var pages = 0
  private var isEnding = false
  private var hasEnded = false

  // MARK: From the client

  mutating func received(_ message: ClientMessage) -> [Action] {
    switch message.kind {
    case .request(let id): return request(message, id)
    case .notification where message.method == MCPMethod.cancelled: return cancelled(message)
    case .notification where message.method == MCPMethod.initialized && message.version == nil: return ready(message)
    case .notification, .response: return say(Waiting(message: message))
    case .batch: return batch(message)
    }
  }

  private mutating func request(_ message: ClientMessage, _ id: RPCID) -> [Action] {
    if isInUse(id) { return [write(RPCWriter.error(id: nil, Self.inUse(id)))] }
    if let error = crowded(by: message) { return [write(RPCWriter.error(id: id, error))] }
    if message.method == MCPMethod.initialize, message.version == nil { return open(message, id) }
    return dispatch(Waiting(message: message))
  }

  /// A modern client's cancellation closes the request, since that is how HTTP says it; a legacy client's is sent on first.
  private mutating func cancelled(_ message: ClientMessage) -> [Action] {
    guard let id = message.params?["requestId"].flatMap({ RPCID($0) }) else { return say(Waiting(message: message)) }
    if let index = held.firstIndex(where: { $0.message.ids.contains(id) }) {
      if let rest = held[index].message.keeping({ $0.id != id }) { held[index].message = rest } else { held.remove(at: index) }
      return []
    }
    if let index = puzzled.firstIndex(where: { $0.message.id == id }) {
      puzzled.remove(at: index)
      return []
    }
    // Answered meanwhile, most likely.
    guard let number = numbers[id], let flight = flights[number] else { return handshake == nil ? [] : say(Waiting(message: message)) }
    switch flight.role {
    case .request, .batch: numbers[id] = nil
    case .ordered, .opening, .reopening, .announcing, .restoring, .listing: return []
    }
    // Others of the same batch are still to be answered.
    if numbers.values.contains(number) { return say(Waiting(message: message)) }
    flights[number]?.isCancelled = true
    if flight.waiting.message.version != nil { return [.close(number)] }
    return say(Waiting(message: message, cancels: number))
  }

  /// Sends a request, or keeps it until the handshake is done.
  mutating func dispatch(_ waiting: Waiting) -> [Action] {
    if waiting.message.ids.isEmpty { return say(waiting) }
    if waiting.message.version == nil, let handshake, handshake.phase != .open, handshake.phase != .opened {
      held.append(waiting)
      return reopen()
    }
    return [post(waiting, waiting.message.id.map { .request($0) } ?? .batch)]
  }

  mutating func say(_ waiting: Waiting) -> [Action] {
    ordered.append(waiting)
    return sayNext()
  }

  /// Sends the next notification or response, where nothing is before it.
  mutating func sayNext() -> [Action] {
    guard orderedNumber == nil, let next = ordered.first else { return [] }
    if next.message.version == nil, let handshake, handshake.phase != .open, handshake.phase != .opened { return reopen() }
    ordered.removeFirst()
    let action = post(next, .ordered)
    orderedNumber = lastNumber
    return [action]
  }

  mutating func post(_ waiting: Waiting, _ role: Role) -> Action {
    let number = nextNumber()
    flights[number] = Flight(role: role, waiting: waiting, generation: generation)
    switch role {
    case .request, .batch, .opening: for id in waiting.message.ids { numbers[id] = number }
    case .ordered, .reopening, .announcing, .restoring, .listing: break
    }
    return .post(Outgoing(number: number, role: role, message: waiting.message, headers: headers(of: waiting.message, role)))
  }

  mutating func nextNumber() -> Int {
    lastNumber += 1
    return lastNumber
  }

  private func headers(of message: ClientMessage, _ role: Role) -> [MessageHeaders.Field] {
    if let version = message.version { return MessageHeaders.modern(message, version: version, tools: tools) }
    switch role {
    case .opening, .reopening: return []
    case .request, .batch, .ordered, .announcing, .restoring, .listing: return MessageHeaders.legacy(handshake?.session)
    }
  }

  /// A line that is no message.
  mutating func refused(_ refusal: ClientMessage.Refusal) -> [Action] {
    [write(RPCWriter.error(id: refusal.id, refusal.error)), .note(refusal.error.message)]
  }

  mutating func write(_ line: [UInt8]) -> Action {
    unwritten += 1
    unwrittenBytes += line.count
    return .write(line)
  }

  /// A line that was to be written is.
  mutating func written(_ line: [UInt8]) -> [Action] {
    unwritten -= 1
    unwrittenBytes -= line.count
    return isEnding && isIdle ? end() : []
  }

  // MARK: From the server

  /// - Returns: the line that the client gets, and what else is to be done. `finished` has to follow when the line is written.
  mutating func posted(_ number: Int, _ outcome: Outcome) -> (line: [UInt8]?, actions: [Action]) {
    guard let flight = flights[number] else { return (nil, []) }
    switch flight.role {
    case .request(let id):
      if endsSubscription(flight, outcome) { flights[number]?.epilogue = Self.cancelled(id) }
      return answered(flight, id, outcome)
    case .opening(let id):
      numbers[id] = nil
      return opened(id, flight, outcome)
    case .reopening: return (nil, reopened(flight, outcome))
    case .announcing: return (nil, announced(flight, outcome))
    case .batch: return (nil, batchEnded(number, flight, outcome))
    case .ordered: return (nil, said(flight, outcome))
    case .restoring: return (nil, restored(flight, outcome))
    case .listing: return (nil, listed(flight, outcome))
    }
  }

  private mutating func answered(_ flight: Flight, _ id: RPCID, _ outcome: Outcome) -> (line: [UInt8]?, actions: [Action]) {
    if flight.isCancelled { return (nil, []) }
    numbers[id] = nil
    switch outcome {
    case .answered(let answer):
      if wantsHeaders(flight, answer) { return (nil, puzzle(over: flight.waiting.message)) }
      if flight.waiting.message.method == MCPMethod.toolsList, let result = answer.result { learn(result) }
      return (answer.line, answer.result == nil ? [] : remember(flight.waiting.message, flight))
    case .accepted: return (Self.error(id, "the server took a request for a notification"), [])
    case .failed(let text): return (Self.error(id, text), [])
    case .sessionLost:
      guard !flight.waiting.isRetry, handshake != nil else { return (Self.error(id, Self.unknownSession), []) }
      let actions = lost(flight.generation)
      return (nil, actions + dispatch(Waiting(message: flight.waiting.message, isRetry: true)))
    }
  }

  private mutating func said(_ flight: Flight, _ outcome: Outcome) -> [Action] {
    orderedNumber = nil
    var actions: [Action] = []
    switch outcome {
    case .answered, .accepted: break
    case .failed(let text): actions.append(.note("a notification or response was not taken: \(text)"))
    case .sessionLost:
      actions += lost(flight.generation)
      // Nobody waits in a new session for the answer to a question of the old one.
      if flight.waiting.message.isNotification, !flight.waiting.isRetry, flight.waiting.cancels == nil {
        ordered.insert(Waiting(message: flight.waiting.message, isRetry: true), at: 0)
      }
    }
    if let number = flight.waiting.cancels { actions.append(.close(number)) }
    return actions + sayNext()
  }

  /// What has this number is over, its line written.
  mutating func finished(_ number: Int) -> [Action] {
    let epilogue = flights.removeValue(forKey: number)?.epilogue
    return [.close(number)] + (epilogue.map { [write($0)] } ?? []) + (isEnding && isIdle ? end() : [])
  }

  // MARK: The end

  /// Standard input has ended, or a signal has come: answers under way may still come for `grace`.
  mutating func ending(grace: Duration) -> [Action] {
    isEnding = true
    var actions = closeListener()
    // Streams that would never end by themselves.
    for (number, flight) in flights where isSubscription(flight) && !flight.isCancelled {
      flights[number]?.isCancelled = true
      actions.append(.close(number))
      if let id = flight.waiting.message.id {
        actions.append(write(Self.subscriptionEnd(id)))
        flights[number]?.epilogue = Self.cancelled(id)
      }
    }
    return actions + (isIdle ? end() : [.endAfter(grace)])
  }

  /// Whatever is under way has had its time.
  mutating func graceEnded() -> [Action] { end() }

  /// Nobody reads what is written.
  mutating func outputFailed() -> [Action] { end() }

  private mutating func end() -> [Action] {
    if hasEnded { return [] }
    hasEnded = true
    return [.end]
  }

  private var isIdle: Bool { flights.isEmpty && held.isEmpty && ordered.isEmpty && puzzled.isEmpty && unwritten == 0 }

  /// Whether nothing more is to be read from the client. It ends by what is under way alone, never by what the client has yet to say.
  var isFull: Bool {
    ordered.count >= Self.maxOrdered || ordered.reduce(unwrittenBytes) { $0 + $1.message.line.count } > Self.maxWaitingBytes
  }

  static let unknownSession = "the server does not know the session that it has just opened"

  static func error(_ id: RPCID, _ text: String) -> [UInt8] {
    RPCWriter.error(id: id, RPCErrorObject(code: RPCErrorObject.internalError, message: text))
  }
}
