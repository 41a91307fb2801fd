import NIOConcurrencyHelpers
import NIOCore
import NIOHTTPTypes

/// What a connection's channel handler and the task that serves it say to each other. One request at a time.
final class Connection: Sendable {
  /// The connection that the current task serves.
  @TaskLocal static var current: Connection?

  private struct State {
    var work: Work?
    var call: WaitingCall?
    var stream: NotificationStream?
    var departure: Departure?
    var isInputClosed = false
    var isDrained = false
  }

  /// What the handler leaves for the task.
  enum Work: Sendable {
    /// A request that nobody has looked at.
    case request(ReceivedRequest)
    /// A request whose answer has to be waited for.
    case answer(Answer)
  }

  private let state = NIOLockedValueBox(State())
  typealias Requests = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

  /// What whoever runs the connection is to do.
  enum Item: Sendable {
    /// A call that waits for its answer: one at a time, since the next request is looked at after the answer.
    case call(CallRunner.Job)
    /// From now on Hummingbird serves it, too. Once.
    case serve(Requests)
  }

  let items = ItemQueue<Item>()
  private let eventLoop: any EventLoop

  init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
  }

  /// Hands a call to whoever runs this connection's calls; false where the connection is over.
  func run(_ job: CallRunner.Job) -> Bool {
    items.add(.call(job))
  }

  /// Hands the connection to Hummingbird.
  func serve(_ requests: Requests) { items.add(.serve(requests)) }

  /// Waits until the event loop has seen what was written before: only then is it known whether the channel takes more, and a task that goes on
  /// without has written all of a large answer.
  func writesAreSeen() async throws { try await eventLoop.submit {}.get() }

  func takesNoMoreCalls() { items.end() }

  func leave(_ work: Work) { state.withLockedValue { $0.work = work } }

  func takeWork() -> Work? {
    state.withLockedValue { state in
      defer { state.work = nil }
      return state.work
    }
  }

  /// The call that this connection answers; `abandon` ends it where nobody came to wait for it.
  func serve(_ call: WaitingCall) {
    let isDrained = state.withLockedValue { state in
      state.call = call
      return state.isDrained
    }
    if isDrained { call.departure.fire(.drained) }
  }

  /// The event stream that Hummingbird writes; `abandon` closes it where nobody came to write it.
  func carry(_ stream: NotificationStream) { state.withLockedValue { $0.stream = stream } }

  /// The connection is over: a call that was handed over and never waited for is given up, as its reply must be asked for once.
  func abandon() async {
    let (work, call, stream) = state.withLockedValue { state in
      defer { (state.work, state.call, state.stream) = (nil, nil, nil) }
      return (state.work, state.call, state.stream)
    }
    await call?.abandon()
    stream?.close()
    if case .answer(let answer) = work { await answer.abandon() }
  }

  /// From now on, until `forget`, this is told when the peer goes; at once if it has gone.
  func watch(_ departure: Departure) {
    let isClosed = state.withLockedValue { state in
      state.departure = departure
      return state.isInputClosed
    }
    if isClosed { departure.fire(.disconnected) }
  }

  func forgetDeparture() { state.withLockedValue { $0.departure = nil } }

  /// The front ends: the call that this connection answers is waited for no more.
  func drained() {
    let call = state.withLockedValue { state in
      state.isDrained = true
      return state.call
    }
    call?.departure.fire(.drained)
  }

  /// The peer closed the connection or its sending half.
  func inputClosed() {
    let departure = state.withLockedValue { state in
      state.isInputClosed = true
      return state.departure
    }
    departure?.fire(.disconnected)
  }
}
