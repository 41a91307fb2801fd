internal import NIOCore

/// The end of a connection's pipeline: carries out what `PendingCommands` decides. Lives on the connection's event loop.
final class RedisChannelHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Requests up to this size are copied into one buffer per tick, larger ones are written as they are.
  private static let coalescedBytes = 16 << 10
  /// Where this process took more of a request's time than this, a missing reply says nothing about the server.
  private static let tolerance = TimeAmount.milliseconds(20)

  private let line: RedisLine
  private var decoder: RESPDecoder
  private var pending: PendingCommands<RedisRequest>
  private var replies: [RedisReply] = []
  private var hasHeard = false
  private var context: ChannelHandlerContext?
  private var listener: ((RedisReply) -> Void)?
  private var timer: (task: Scheduled<Void>, deadline: NIODeadline)?

  init(line: RedisLine, replyLimits: RESPLimits, limits: PendingCommands<RedisRequest>.Limits) {
    self.line = line
    decoder = RESPDecoder(limits: replyLimits)
    pending = PendingCommands(limits: limits)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    end(RedisError(.connectionLost, "the connection was closed"))
    self.context = nil
  }

  /// Writes everything that was submitted since the last time: one flush for all.
  func writeSubmitted() {
    let requests = line.takeSubmitted()
    guard let context, !line.isClosed else {
      for request in requests { request.finish(.failure(line.lossError)) }
      return
    }
    var buffer = ByteBuffer()
    var earliest: NIODeadline?
    let now = context.eventLoop.now
    for request in requests {
      // It came too late because this process was, which says nothing of the server.
      if request.deadline <= now {
        request.finish(.failure(RedisError(.overloaded, "this process was too busy to send it within the command timeout")))
        continue
      }
      let isWanted = request.enqueue(at: now) {
        pending.append(request, commands: request.commands, bytes: request.bytes.readableBytes, deadline: request.deadline)
      }
      guard isWanted else { continue }
      earliest = min(earliest ?? request.deadline, request.deadline)
      if request.bytes.readableBytes <= Self.coalescedBytes {
        buffer.writeImmutableBuffer(request.bytes)
      } else {
        if buffer.readableBytes > 0 { context.write(wrapOutboundOut(buffer), promise: nil) }
        buffer = ByteBuffer()
        context.write(wrapOutboundOut(request.bytes), promise: nil)
      }
    }
    if buffer.readableBytes > 0 { context.write(wrapOutboundOut(buffer), promise: nil) }
    publish()
    if let earliest { arm(earliest) }
    context.flush()
  }

  /// The caller has left; the slot stays.
  func abandon(_ request: RedisRequest) {
    guard let id = request.queueID else { return }
    if pending.abandon(id) { close(RedisError(.connectionLost, "too many commands were given up unanswered")) }
  }

  /// The connection becomes one that only listens.
  func listen(_ receive: @escaping (RedisReply) -> Void) {
    listener = receive
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !line.isClosed else { return }
    var failure: RedisError?
    do {
      try decode(unwrapInboundIn(data))
    } catch {
      failure = error
    }
    if !hasHeard, let first = replies.first {
      hasHeard = true
      if let refusal = first.refusal { return close(RedisError(.connectFailed, refusal)) }
    }
    if let listener {
      for reply in replies { listener(reply) }
      replies.removeAll(keepingCapacity: true)
    }
    var completed: [(request: RedisRequest, replies: [RedisReply])] = []
    for reply in replies {
      switch pending.receive(reply) {
      case .completed(let request, let replies): completed.append((request, replies))
      case .kept: break
      case .discarded: line.countDiscarded(1)
      case .unexpected: failure = failure ?? RedisError(.protocolError, "the server sent a reply that nobody asked for")
      }
    }
    replies.removeAll(keepingCapacity: true)
    // Before anybody is told, so that whoever is told finds the room that its request took free again.
    publish(heard: context.eventLoop.now)
    for (request, replies) in completed where !request.finish(.success(replies)) { line.countDiscarded(replies.count) }
    if let failure { close(failure) }
  }

  private func decode(_ buffer: ByteBuffer) throws(RedisError) {
    var failure: RedisError?
    buffer.withUnsafeReadableBytes { bytes in
      do throws(RedisError) { try decoder.feed(bytes, into: &replies) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    close(RedisTLS.isTLSError(error) ? RedisTLS.failure(error) : RedisError(.connectionLost, "the connection failed: \(error)"))
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(RedisError(.connectionLost, "the server closed the connection"))
    context.fireChannelInactive()
  }

  /// Fails everybody now and closes: bytes that still come in must not be read as replies.
  func close(_ error: RedisError) {
    end(error)
    context?.close(mode: .all, promise: nil)
  }

  private func end(_ error: RedisError) {
    timer?.task.cancel()
    timer = nil
    let waiting = pending.removeAll() + line.close(error)
    publish()
    for request in waiting { request.finish(.failure(error)) }
  }

  private func publish(heard: NIODeadline? = nil) {
    line.publish(pending: pending.count, bytes: pending.bytes, heard: heard)
  }

  /// One timer for all: it fires at the earliest deadline known when it was set, and is then set again. Replies do not touch it.
  private func arm(_ deadline: NIODeadline) {
    if let timer, timer.deadline <= deadline { return }
    guard let context else { return }
    timer?.task.cancel()
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    timer = (context.eventLoop.scheduleTask(deadline: deadline) { handler.value.timerFired() }, deadline)
  }

  /// What lies in the socket is read before anybody is told that there was no reply: the loop may have been busy until this moment.
  private func timerFired() {
    timer = nil
    guard let context, !line.isClosed else { return }
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    let next = context.eventLoop.now + .milliseconds(1)
    timer = (context.eventLoop.scheduleTask(deadline: next) { handler.value.secondLook() }, next)
  }

  private func secondLook() {
    timer = nil
    expire()
  }

  private func expire() {
    guard let context, !line.isClosed else { return }
    let now = context.eventLoop.now
    let expiry = pending.expire(at: now)
    for request in expiry.timedOut { request.finish(.failure(Self.failure(request, now))) }
    if expiry.mustClose {
      close(RedisError(.connectionLost, "the server was silent for too long"))
    } else if let next = pending.nextExpiry {
      arm(next)
    }
  }

  private static func failure(_ request: RedisRequest, _ now: NIODeadline) -> RedisError {
    request.lateness(at: now) > tolerance
      ? RedisError(.overloaded, "no reply within the command timeout, of which this process was too busy to leave the server enough")
      : RedisError(.timedOut, "no reply within the command timeout")
  }
}
