import NIOCore
import NIOHTTP1
import WeirCore

/// Fired into every connection when the front will drain soon: the answer to the next request says that the connection ends.
struct FrontLeave: Sendable {}

/// Fired into every connection when the front drains: no request after the one being worked on.
struct FrontDrain: Sendable {}

/// Fired into every connection when the time to drain is over: the call being waited for is answered now.
struct FrontDrainEnd: Sendable {}

/// Stands right behind the HTTP/1 parser. Holds every limit of `FrontLimits`, puts a request together, answers what can be answered at once,
/// and hands the rest, one request at a time, to Hummingbird.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  let core: FrontCore
  let listener: ReceivedRequest.Listener
  let connection: Connection
  let meter: RawMeter
  private let limits: FrontLimits
  var machine: GuardMachine
  private var address: Name?
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []
  private var reserved = 0
  private var backlog = ReadAhead()
  private var isOverrun = false
  private var isWorkingOff = false
  private var holdsRead = false
  private var isInputClosed = false
  /// The connection's runner has a call to answer, and Hummingbird none.
  private var isRunning = false
  /// Hummingbird stands behind this.
  var isServed = false
  /// Puts Hummingbird behind this.
  let serve: (any Channel) throws -> Void
  private var pendingRefusal: Refusal?
  /// All that was ever written.
  var queued: Int64 = 0
  /// Its output is backed up, and counted among that of all connections.
  var isHeld = false
  /// The large answer that is being written.
  var outgoing: SharedAnswer?
  var streaming: Streaming?
  var isSending = false
  private var timer: Scheduled<Void>?
  private var armed = Moment.distantFuture
  var date = DateClock()

  init(
    core: FrontCore, listener: ReceivedRequest.Listener, connection: Connection, meter: RawMeter, serve: @escaping (any Channel) throws -> Void
  ) {
    self.serve = serve
    self.core = core
    self.listener = listener
    self.connection = connection
    self.meter = meter
    limits = core.configuration.limits
    machine = GuardMachine(limits: limits, connected: core.time.now())
  }

  // MARK: Coming and going

  func handlerAdded(context: ChannelHandlerContext) {
    meter.onBytes = { [unowned self] in machine.received(bytes: $0, now: core.time.now()) }
    if context.channel.isActive { opened(context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    left(context)
    meter.onBytes = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    opened(context)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    left(context)
    context.fireChannelInactive()
  }

  private func opened(_ context: ChannelHandlerContext) {
    guard address == nil else { return }
    let address = Name(context.remoteAddress?.ipAddress ?? "local")
    do throws(Refusal) {
      try core.table.admit(context.channel, address: address)
      self.address = address
      core.hooks.onConnection?(1)
      if core.isDraining || core.isLeaving { machine.closeAfterResponse() }
      arm(context)
    } catch {
      refuse(error, context)
    }
  }

  private func left(_ context: ChannelHandlerContext) {
    machine.closed()
    timer?.cancel()
    timer = nil
    releaseBody()
    outgoing = nil
    forgetStream()
    if isHeld { core.table.hold(context.channel, answerBytes: 0, since: nil) }
    connection.inputClosed()
    connection.takesNoMoreCalls()
    guard let address else { return }
    self.address = nil
    core.table.leave(context.channel, address: address)
    core.hooks.onConnection?(-1)
  }

  // MARK: Reading

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if machine.phase == .lingering || machine.phase == .closed { return }
    if isOverrun { return }
    let part = unwrapInboundIn(data)
    guard machine.phase == .responding || !backlog.isEmpty || !context.channel.isWritable else { return process(part, context) }
    backlog.append(part)
    if backlog.bytes > limits.maxReadAheadBytes, machine.phase == .responding { overrun() }
  }

  /// The peer sends more than is kept for it: this answer is its last.
  private func overrun() {
    isOverrun = true
    backlog = ReadAhead()
    machine.closeAfterResponse()
    core.table.refused(.memory)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    do throws(Refusal) { try machine.checkFraming() } catch { refuse(error, context) }
    context.fireChannelReadComplete()
    arm(context)
  }

  func read(context: ChannelHandlerContext) {
    holdsRead = isFull(context)
    if !holdsRead { context.read() }
  }

  /// Answers are made for a peer that reads them. While one is being made, reading goes on: only so is it noticed that the peer left.
  private func isFull(_ context: ChannelHandlerContext) -> Bool {
    machine.phase != .responding && !backlog.isEmpty && !context.channel.isWritable
  }

  private func process(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
    do throws(Refusal) {
      switch part {
      case .head(let head):
        let facts = try HeadRules.check(head, limits: limits)
        guard Self.methods.contains(head.method) else { throw Refusal(.method, status: 405, "this method is not used here") }
        machine.accepted(facts, now: core.time.now())
        self.head = head
        if facts.expectsContinue { meter.send(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")) }
      case .body(let buffer):
        try machine.body(bytes: buffer.readableBytes)
        try take(buffer)
      case .end:
        guard let head else { return }
        machine.requestEnded(now: core.time.now())
        dispatch(head, context)
      }
    } catch {
      refuse(error, context)
    }
  }

  private static let methods: [HTTPMethod] = [.GET, .HEAD, .POST, .PUT, .PATCH, .DELETE, .OPTIONS]

  private func take(_ buffer: ByteBuffer) throws(Refusal) {
    let size = body.count + buffer.readableBytes
    if size > limits.maxInlineBodyBytes {
      try core.table.reserve(bodyBytes: size - reserved)
      reserved = size
    }
    buffer.withUnsafeReadableBytes { body.append(contentsOf: $0) }
  }

  private func releaseBody() {
    core.table.release(bodyBytes: reserved)
    reserved = 0
    body = []
  }

  private func dispatch(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let request = ReceivedRequest(listener: listener, head: head, body: body, receivedAt: core.time.now())
    let isInline = listener == .main && body.count <= limits.maxInlineBodyBytes && (head.method == .POST || Self.isStream(head))
    releaseBody()
    if isInline {
      let answer = core.answer(request)
      switch answer.kind {
      case .reply(let reply): return send(reply, context)
      case .waiting(let call) where !call.isStream && connection.run(CallRunner.Job(call: call, headers: answer.headers)):
        isRunning = true
        return arm(context)
      case .stream(let stream): return begin(stream, answer.headers, isChunked: head.version != .http1_0, context)
      case .waiting, .elsewhere, .resumed, .batch, .action, .forwarded: connection.leave(.answer(answer))
      }
    } else {
      connection.leave(.request(request))
    }
    guard let behind = hummingbird(context) else { return context.close(promise: nil) }
    behind.fireChannelRead(wrapInboundOut(.head(head)))
    behind.fireChannelRead(wrapInboundOut(.end(nil)))
    behind.fireChannelReadComplete()
    arm(context)
  }

  private func workOff(_ context: ChannelHandlerContext) {
    guard !isWorkingOff else { return }
    isWorkingOff = true
    while machine.takesRequests, context.channel.isWritable, let part = backlog.popFirst() { process(part, context) }
    isWorkingOff = false
    if machine.phase == .lingering || machine.phase == .closed { backlog = ReadAhead() }
    if holdsRead, !isFull(context) {
      holdsRead = false
      context.read()
    }
  }

  // MARK: Answering

  func flush(context: ChannelHandlerContext) {
    context.flush()
    watchOutput(context)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard machine.phase == .responding else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    switch unwrapOutboundIn(data) {
    case .head(var answer):
      if [400, 408, 413, 431].contains(answer.status.code) { machine.closeAfterResponse() }
      if machine.closesAfterResponse { answer.headers.replaceOrAdd(name: "connection", value: "close") }
      if head?.version == .http1_0 { answer.version = .http1_0 }
      queued += 512
      context.write(wrapOutboundOut(.head(answer)), promise: promise)
    case .body(let part):
      queued += Int64(part.readableBytes)
      context.write(data, promise: promise)
    case .end:
      context.writeAndFlush(data, promise: promise)
      responseEnded(context)
      watchOutput(context)
    }
  }

  func responseEnded(_ context: ChannelHandlerContext) {
    head = nil
    if let pendingRefusal { return refuse(pendingRefusal, context) }
    if isInputClosed { machine.closeAfterResponse() }
    if machine.responseEnded(now: core.time.now()) {
      linger(context)
    } else if !backlog.isEmpty || holdsRead {
      workOff(context)
    }
  }

  /// Answers with the refusal, unless an answer is under way: then after it. The connection is not used again.
  private func refuse(_ refusal: Refusal, _ context: ChannelHandlerContext) {
    guard machine.phase != .lingering, machine.phase != .closed, pendingRefusal == nil || machine.phase != .responding || head == nil else { return }
    if machine.phase == .responding, head != nil {
      pendingRefusal = refusal
      return
    }
    pendingRefusal = nil
    core.table.refused(refusal.reason)
    core.answered("refused", status: refusal.status)
    var buffer = context.channel.allocator.buffer(capacity: 320)
    let headers: [(name: String, value: String)] =
      switch refusal.status {
      case 405: [("allow", "GET, HEAD, POST, DELETE, OPTIONS")]
      case 503: [("retry-after", "5")]
      default: []
      }
    let reply = Reply.text(refusal.status, refusal.message, headers: headers)
    ReplyEncoder.encode(reply, date: date.now(core.time.wall()), closes: true, into: &buffer)
    meter.send(buffer)
    machine.linger(now: core.time.now())
    linger(context)
  }

  private func linger(_ context: ChannelHandlerContext) {
    releaseBody()
    head = nil
    backlog = ReadAhead()
    if isInputClosed {
      // What still waits for the peer would be lost.
      return buffered(context) == 0 ? context.close(promise: nil) : arm(context)
    }
    context.close(mode: .output, promise: nil)
    if holdsRead {
      holdsRead = false
      context.read()
    }
    arm(context)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      if outgoing != nil { sendOn(context) }
      pump(context)
      watchOutput(context)
      workOff(context)
    }
    arm(context)
    context.fireChannelWritabilityChanged()
  }

  // MARK: Events and time

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      isInputClosed = true
      connection.inputClosed()
      // Hummingbird would close the connection, since it has nothing to answer.
      if let streaming {
        streaming.stream.end()
        pump(context)
      } else if !isRunning, outgoing == nil {
        context.fireUserInboundEventTriggered(event)
      }
      if machine.phase != .responding, machine.phase != .closed {
        machine.linger(now: core.time.now())
        linger(context)
      }
    case is FrontLeave:
      machine.closeAfterResponse()
    case is FrontDrain:
      if machine.quiesce() { context.close(promise: nil) }
    case is FrontDrainEnd:
      connection.drained()
    case let answered as CallRunner.Answered:
      isRunning = false
      if machine.phase == .responding { send(answered.reply, context) }
    default:
      context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if isOverrun, error is HTTPParserError { return }
    switch error {
    case HTTPParserError.headerOverflow:
      refuse(Refusal(.headerTooLarge, status: 431, "the header section is over the limit"), context)
    case is HTTPParserError:
      refuse(Refusal(.malformed, status: 400, "this is no HTTP/1.1 request"), context)
    default:
      context.close(promise: nil)
    }
  }

  func arm(_ context: ChannelHandlerContext) {
    let now = core.time.now()
    let check = machine.nextCheck(now: now, isPending: !context.channel.isWritable)
    schedule(min(machine.deadline, check), now: now, context)
  }

  private func schedule(_ moment: Moment, now: Moment, _ context: ChannelHandlerContext) {
    guard machine.phase != .closed, moment < .distantFuture else { return }
    if timer != nil, armed <= moment { return }
    timer?.cancel()
    armed = moment
    let delay = TimeAmount.nanoseconds(max(1_000_000, (moment - now).saturatedNanoseconds))
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.fired(context) }
  }

  private func fired(_ context: ChannelHandlerContext) {
    timer = nil
    let buffered = buffered(context)
    let now = core.time.now()
    let due = machine.due(now: now, queued: queued, buffered: buffered)
    if isHeld { core.table.hold(context.channel, answerBytes: buffered, since: machine.outputSince, lease: outgoing?.lease) }
    switch due {
    case .nothing(let moment): schedule(moment, now: now, context)
    case .refuse(let refusal): refuse(refusal, context)
    case .close(let reason):
      core.table.refused(reason)
      context.close(promise: nil)
    case .end: context.close(promise: nil)
    }
  }
}
