package import WeirCore
import WeirMCP

/// One MCP client session over a channel that keeps messages in order: opening, own ids and progress tokens, the table of what is in flight.
/// Pure: it is told what arrived and what time it is, and says what to do. Ids rise and are never used twice (MCP 2025-11-25, requests).
package struct SessionMachine: Sendable {
  /// How the session is opened.
  package enum Opening: Sendable, Equatable {
    /// `server/discover` first, `initialize` where that fails.
    case probe
    case legacy
    case modern
  }

  enum Phase: Sendable, Equatable {
    case idle
    case probing(id: Int, until: Moment)
    case initializing(id: Int)
    case open(SessionInfo)
    case ended(reason: String)
  }

  struct Pending: Sendable {
    let onProgress: Bool
    var lastProgress: Double?
    var pace = ProgressPace()
  }

  let upstream: Name
  let opening: Opening
  let redactor: Redactor
  let envelope: RequestEnvelope
  let clientCapabilities: [UInt8]?
  let probeTimeout: Duration
  let connectTimeout: Duration
  var phase = Phase.idle
  var pending: [Int: Pending] = [:]
  /// What is asked for the session itself, and whose answers matter to nobody: subscriptions.
  var errands: Set<Int> = []
  private var watched: Set<Name> = []
  private var subscribed: Set<Name> = []
  private var listening = Listening()
  private var lastID = 0
  private var connectUntil = Moment.distantFuture

  /// Responses to nothing in flight: late, doubled, never asked for.
  package internal(set) var unknownResponses = 0
  /// Messages that are not JSON-RPC, or make no sense where they stand.
  package internal(set) var invalidMessages = 0

  /// `redactor` knows the secrets that the server was given.
  package init(configuration: UpstreamConfiguration, opening: Opening, redactor: Redactor = .patterns) {
    self.upstream = configuration.name
    self.opening = opening
    self.redactor = redactor
    self.envelope = RequestEnvelope(clientName: configuration.clientName, clientVersion: configuration.clientVersion)
    self.clientCapabilities = configuration.clientCapabilities
    self.probeTimeout = configuration.probeTimeout
    self.connectTimeout = configuration.connectTimeout
  }

  /// The channel stands: opens the session.
  package mutating func start(now: Moment) -> [SessionAction] {
    guard phase == .idle else { return [] }
    connectUntil = now + connectTimeout
    guard opening != .legacy else { return initialize() }
    let id = nextID()
    phase = .probing(id: id, until: opening == .probe ? min(now + probeTimeout, connectUntil) : connectUntil)
    return [.write(envelope.discover(id: id))]
  }

  /// When `expire` has something to do; nil where nothing is waited for.
  package var nextTimeout: Moment? {
    switch phase {
    case .idle, .ended: nil
    case .open: listening.again
    case .probing(_, let until): until
    case .initializing: connectUntil
    }
  }

  /// Gives up on an opening that takes too long; listens again after a pause.
  package mutating func expire(now: Moment) -> [SessionAction] {
    guard let nextTimeout, nextTimeout <= now else { return [] }
    if info != nil { return listenAgain() }
    if case .probing = phase, opening == .probe, now < connectUntil { return initialize() }
    return end("it did not answer within \(Int(connectTimeout.inSeconds.rounded())) s of its start")
  }

  /// A new id, for a call that is about to be sent.
  package mutating func nextID() -> Int {
    lastID += 1
    return lastID
  }

  /// Sends a caller's request under an id of `nextID`.
  package mutating func send(_ request: UpstreamRequest, id: Int) -> [SessionAction] {
    guard case .open(let info) = phase else {
      return [.finished(id: id, .failure(ErrorText.down(upstream, "its session is not open", wait: nil)))]
    }
    guard let message = envelope.request(request, id: id, era: info.era) else {
      let method = ErrorText.clean(request.method, limit: 60)
      return [.finished(id: id, .failure(CallError(.invalidParams, "the parameters of \(method) must be an object")))]
    }
    pending[id] = Pending(onProgress: request.onProgress != nil)
    return [.write(message)]
  }

  /// The caller left or its deadline passed: tells the server. Nothing where the call has ended already.
  package mutating func cancel(_ id: Int, with error: CallError) -> [SessionAction] {
    guard pending.removeValue(forKey: id) != nil else { return [] }
    let reason = error.reason == .timedOut ? "deadline passed" : "cancelled by the caller"
    return [.write(envelope.cancelled(id: id, reason: reason)), .finished(id: id, .failure(error))]
  }

  /// Sends a notification without params, where the session is open and of the handshake era.
  package mutating func tell(_ method: String) -> [SessionAction] {
    info?.era == .legacy ? [.write(RPCWriter.notification(method: method, params: nil))] : []
  }

  /// The channel is gone. What is in flight stays with the shell, which knows whether it may be sent again: those ids are returned.
  package mutating func close(reason: String) -> [Int] {
    if case .ended = phase {} else { phase = .ended(reason: reason) }
    let lost = pending.keys.sorted()
    pending.removeAll()
    return lost
  }

  /// From now on the session is told of changes of these resources, and no others. Lists it is always told of.
  package mutating func watch(_ uris: Set<Name>) -> [SessionAction] {
    guard uris != watched else { return [] }
    watched = uris
    return listen()
  }

  /// Errands under way at once: a server that does not answer them gets no more.
  private static let mostErrands = 16

  /// Tells an open session what is to be heard: once more where the resources are others, and never faster than it answers.
  mutating func listen() -> [SessionAction] {
    guard let info else { return [] }
    guard info.era == .legacy else { return listenAnew(info) }
    guard info.features.contains(.subscriptions) else { return [] }
    var actions: [SessionAction] = []
    for uri in watched.subtracting(subscribed).sorted() where errands.count < Self.mostErrands {
      subscribed.insert(uri)
      actions.append(.write(envelope.subscription(id: errand(), MCPMethod.resourcesSubscribe, uri: uri)))
    }
    for uri in subscribed.subtracting(watched).sorted() where errands.count < Self.mostErrands {
      subscribed.remove(uri)
      actions.append(.write(envelope.subscription(id: errand(), MCPMethod.resourcesUnsubscribe, uri: uri)))
    }
    return actions
  }

  /// A new request takes the place of the one before, once that was acknowledged.
  private mutating func listenAnew(_ info: SessionInfo) -> [SessionAction] {
    guard listening.again == nil, listening.id == nil || listening.isAcknowledged else { return [] }
    guard listening.id == nil || watched != subscribed else { return [] }
    let old = listening.id.map { [SessionAction.write(envelope.cancelled(id: $0, reason: "other resources are watched"))] } ?? []
    if let old = listening.id { errands.remove(old) }
    let id = errand()
    listening.began(id)
    subscribed = watched
    return [.write(envelope.listen(id: id, features: info.features, uris: watched))] + old
  }

  /// The server has begun to tell what it was asked for.
  mutating func acknowledged() -> [SessionAction] {
    guard listening.id != nil, !listening.isAcknowledged else { return [] }
    listening.isAcknowledged = true
    return watched == subscribed ? [] : listen()
  }

  /// What was said while nobody listened is lost (MCP 2026-07-28, subscriptions: no replay): all that was listened to may be another.
  private mutating func listenAgain() -> [SessionAction] {
    listening.again = nil
    return listen() + [.changed([])] + watched.sorted().map { .resourceUpdated(uri: $0) }
  }

  /// The server has ended what it was asked to tell, if that is what `id` names.
  mutating func listeningCancelled(_ id: RPCID, now: Moment) {
    guard let current = listening.id, id == RPCID(current), errands.remove(current) != nil else { return }
    listening.ended(now: now)
  }

  private mutating func errand() -> Int {
    let id = nextID()
    errands.insert(id)
    return id
  }

  /// What is to be done after the answer to an errand; nil for any other answer.
  /// - Parameter isRefusal: it is an error.
  mutating func finishErrand(_ id: RPCID?, isRefusal: Bool, now: Moment) -> [SessionAction]? {
    guard let id, let number = id.int, id == RPCID(number), errands.remove(number) != nil else { return nil }
    guard listening.id == number else { return info?.era == .legacy ? listen() : [] }
    if isRefusal { listening.refused() } else { listening.ended(now: now) }
    return []
  }

  /// How many calls are in flight.
  package var inFlight: Int { pending.count }

  /// Set once the session is open.
  package var info: SessionInfo? { if case .open(let info) = phase { info } else { nil } }

  /// The channel ended while the server was being asked for its era: many servers exit at a request before `initialize`.
  package var isProbing: Bool { if case .probing = phase { opening == .probe } else { false } }

  mutating func initialize() -> [SessionAction] {
    let id = nextID()
    phase = .initializing(id: id)
    return [.write(envelope.initialize(id: id, capabilities: clientCapabilities))]
  }

  mutating func end(_ reason: String) -> [SessionAction] {
    phase = .ended(reason: reason)
    return [.failed(reason: reason)]
  }
}
