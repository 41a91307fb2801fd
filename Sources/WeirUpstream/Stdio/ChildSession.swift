import Logging
import NIOConcurrencyHelpers
import WeirCore
import WeirJSON
import WeirMCP

/// One session with one child process: a `SessionMachine` under a lock, its callers, and the queue to the child's standard input.
final class ChildSession: Sendable {
  /// Why a call has no result.
  enum Failure: Error {
    case call(CallError)
    /// The child is gone, and nobody knows whether it had carried the call out.
    case lost(reason: String)
    /// The child was gone before anything was sent.
    case notSent(reason: String)
  }

  typealias Answer = Result<JSONDocument, Failure>

  /// What the session tells its upstream, in order.
  struct Listener: Sendable {
    let opened: @Sendable (SessionInfo) -> Void
    let listsChanged: @Sendable (UpstreamFeatures) -> Void
    let resourceUpdated: @Sendable (Name) -> Void
    /// Before anybody who waits hears that the child is gone.
    let closed: @Sendable () -> Void
  }

  private struct Waiter {
    let continuation: CheckedContinuation<Answer, Never>
    let onProgress: (@Sendable (CallProgress) -> Void)?
    let peer: (any ClientPeer)?
  }

  /// What the server asks the client that its session is for.
  private struct Question: Sendable {
    let id: RPCID
    let open: OpenQuestions.Question
    let method: String
    let params: [UInt8]?
    let peer: any ClientPeer
  }

  private struct State {
    var machine: SessionMachine
    var waiters: [Int: Waiter] = [:]
    /// Ids whose callers have not parked yet, with the error that has ended them meanwhile.
    var reserved: [Int: CallError?] = [:]
    var queuedBytes = 0
    var failure: String?
    var closeReason: String?
    var wasProbing = false
  }

  private let upstream: Name
  private let maxMessageBytes: Int
  private let maxQueuedBytes: Int
  private let redactor: Redactor
  private let time: any TimeSource
  private let logger: Logger
  private let listener: Listener
  private let home: (any ClientPeer)?
  private let state: NIOLockedValueBox<State>
  /// Messages for the child, in order; ends when the session has failed or is closed.
  let outbox: AsyncStream<[UInt8]>
  private let sink: AsyncStream<[UInt8]>.Continuation
  /// Opened when `nextTimeout` is another.
  let timeoutMoved = Gate()
  private let questions: AsyncStream<Question>
  private let questionSink: AsyncStream<Question>.Continuation
  private let openQuestions = OpenQuestions()

  init(
    machine: SessionMachine, configuration: StdioConfiguration, upstream: Name, time: any TimeSource, logger: Logger, home: (any ClientPeer)? = nil,
    listener: Listener
  ) {
    self.upstream = upstream
    self.maxMessageBytes = configuration.maxLineBytes
    self.maxQueuedBytes = configuration.maxQueuedBytes
    self.redactor = machine.redactor
    self.time = time
    self.logger = logger
    self.listener = listener
    self.home = home
    self.state = NIOLockedValueBox(State(machine: machine))
    (outbox, sink) = AsyncStream.makeStream()
    (questions, questionSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(16))
  }

  /// Why the session is of no use any more, where it was not the child that ended.
  var failure: String? { state.withLockedValue { $0.failure } }
  /// The child ended by itself while it was asked for its era.
  var wasProbing: Bool { state.withLockedValue { $0.wasProbing } }
  var nextTimeout: Moment? { state.withLockedValue { $0.machine.nextTimeout } }
  /// Responses to nothing in flight, and messages that are none.
  var faults: (unknown: Int, invalid: Int) { state.withLockedValue { ($0.machine.unknownResponses, $0.machine.invalidMessages) } }

  func start() { step { machine in machine.start(now: time.now()) } }
  func watch(_ uris: Set<Name>) { step { machine in machine.watch(uris) } }
  func tell(_ method: String) { step { machine in machine.tell(method) } }
  func expire() { step { machine in machine.expire(now: time.now()) } }

  /// One line of the child's standard output.
  func receive(_ line: [UInt8]) {
    let message = IncomingMessage(reading: line, maxBytes: maxMessageBytes, redactor: redactor)
    step { machine in machine.receive(message, now: time.now()) }
  }

  /// The child has read so many bytes.
  func written(_ count: Int) { state.withLockedValue { $0.queuedBytes -= count } }

  /// Gives the child up.
  func fail(_ reason: String) {
    state.withLockedValue { state in state.failure = state.failure ?? reason }
    sink.finish()
  }

  /// The child is gone: everybody who waits hears so.
  func close(reason: String) {
    let waiters = state.withLockedValue { state in
      state.closeReason = reason
      state.wasProbing = state.machine.isProbing && state.failure == nil
      _ = state.machine.close(reason: reason)
      defer { state.waiters.removeAll() }
      return Array(state.waiters.values)
    }
    sink.finish()
    questionSink.finish()
    listener.closed()
    for waiter in waiters { waiter.continuation.resume(returning: .failure(.lost(reason: reason))) }
  }

  /// Sends one request and waits for its answer, its deadline, or the end of the caller's patience.
  func send(_ request: UpstreamRequest) async -> Answer {
    let id = state.withLockedValue { state in
      let id = state.machine.nextID()
      state.reserved[id] = .some(nil)
      return id
    }
    let timedOut = ErrorText.timedOut(upstream)
    let cancelled = ErrorText.cancelled(upstream)
    return await Deadline.watch(time, request.deadline, onDeadline: { self.cancel(id, with: timedOut) }) {
      await withTaskCancellationHandler {
        await withCheckedContinuation { self.park(Waiter(continuation: $0, onProgress: request.onProgress, peer: request.caller?.peer), id, request) }
      } onCancel: {
        self.cancel(id, with: cancelled)
      }
    }
  }

  private func park(_ waiter: Waiter, _ id: Int, _ request: UpstreamRequest) {
    let early: Failure? = state.withLockedValue { state in
      if let error = state.reserved.removeValue(forKey: id) ?? nil { return .call(error) }
      if let reason = state.closeReason { return .notSent(reason: reason) }
      state.waiters[id] = waiter
      return nil
    }
    if let early { return waiter.continuation.resume(returning: .failure(early)) }
    step { machine in machine.send(request, id: id) }
  }

  private func cancel(_ id: Int, with error: CallError) {
    let isParked = state.withLockedValue { state in
      guard state.reserved[id] != nil else { return true }
      state.reserved[id] = .some(error)
      return false
    }
    if isParked { step { machine in machine.cancel(id, with: error) } }
  }

  /// Runs one step of the machine and carries out what it says.
  private func step(_ body: (inout SessionMachine) -> [SessionAction]) {
    typealias Effect = () -> Void
    let effects = state.withLockedValue { state -> [Effect] in
      let timeout = state.machine.nextTimeout
      let effects = body(&state.machine).compactMap { effect(of: $0, &state) }
      return state.machine.nextTimeout == timeout ? effects : effects + [timeoutMoved.open]
    }
    for effect in effects { effect() }
  }

  /// What is left to do after unlocking. Messages are queued under the lock, so that a cancellation never overtakes its request.
  private func effect(of action: SessionAction, _ state: inout State) -> (() -> Void)? {
    switch action {
    case .write(let message):
      enqueue(message, &state)
      return nil
    case .opened(let info):
      return { self.listener.opened(info) }
    case .failed(let reason):
      return { self.fail(reason) }
    case .finished(let id, let result):
      guard let waiter = state.waiters.removeValue(forKey: id) else { return nil }
      return { waiter.continuation.resume(returning: self.answer(result)) }
    case .progress(let id, let progress):
      guard let onProgress = state.waiters[id]?.onProgress else { return nil }
      return { onProgress(progress) }
    case .changed(let lists):
      return { self.listener.listsChanged(lists) }
    case .resourceUpdated(let uri):
      return { self.listener.resourceUpdated(uri) }
    case .serverLog(let level, let params):
      let peer = self.peer(state)
      return {
        self.logger.debug("upstream logged a message", metadata: ["level": "\(level)"])
        peer?.notify(MCPMethod.message, params)
      }
    case .told(let method, let params):
      let peer = self.peer(state)
      return { peer?.notify(method, params) }
    case .asked(let id, let method, let params):
      if let peer = peer(state) {
        let question = Question(id: id, open: openQuestions.open(id), method: method, params: params, peer: peer)
        if case .enqueued = questionSink.yield(question) { return nil }
        openQuestions.close(question.open)
      }
      enqueue(RPCWriter.error(id: id, RPCErrorObject(code: RPCErrorObject.internalError, message: "the client takes no questions now")), &state)
      return nil
    case .withdrawn(let id):
      return { self.openQuestions.withdraw(id) }
    }
  }

  /// Whom a message without a name is for. A process that callers share may speak of a call that somebody else has given up: what it says is for
  /// nobody.
  private func peer(_ state: State) -> (any ClientPeer)? {
    home.map { WaitingPeers(home: $0, calls: state.waiters.sorted { $0.key < $1.key }.compactMap(\.value.peer)) }
  }

  /// Brings the server's questions to their clients, and the answers back, until the session is closed.
  func answerQuestions() async {
    await withDiscardingTaskGroup { group in
      for await question in questions {
        group.addTask {
          let answer = await self.openQuestions.ask(question.open) { await question.peer.answer(question.id, question.method, question.params) }
          if let answer { self.state.withLockedValue { self.enqueue(answer, &$0) } }
        }
      }
      group.cancelAll()
    }
  }

  private func enqueue(_ message: [UInt8], _ state: inout State) {
    state.queuedBytes += message.count + 1
    guard state.queuedBytes <= maxQueuedBytes else {
      state.failure = state.failure ?? "it does not read its input: more than \(maxQueuedBytes) bytes are waiting"
      return sink.finish()
    }
    sink.yield(message + [0x0A])
  }

  private func answer(_ result: Result<JSONValue, CallError>) -> Answer {
    switch result {
    case .failure(let error): .failure(.call(error))
    case .success(let value): .success(JSONDocument(value))
    }
  }
}
