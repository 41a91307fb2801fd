internal import NIOCore

/// One pipelined connection. `RedisDialer` makes it.
final class RedisConnection: Sendable {
  private let line: RedisLine
  private let channel: any Channel
  private let handler: NIOLoopBound<RedisChannelHandler>

  init(line: RedisLine, channel: any Channel, handler: NIOLoopBound<RedisChannelHandler>) {
    self.line = line
    self.channel = channel
    self.handler = handler
  }

  /// Sends the commands as one and waits for the reply to each. Cancelling the task returns at once.
  func send(_ request: RedisRequest) async -> RedisRequest.Outcome {
    await withTaskCancellationHandler {
      await request.outcome { submit(request) }
    } onCancel: {
      guard request.finish(.failure(RedisError(.cancelled, "the caller left"))) else { return }
      channel.eventLoop.execute { [handler] in handler.value.abandon(request) }
    }
  }

  private func submit(_ request: RedisRequest) {
    switch line.submit(request) {
    case .accepted: break
    case .refused(let error): request.finish(.failure(error))
    case .schedule: channel.eventLoop.execute { [handler] in handler.value.writeSubmitted() }
    }
  }

  /// From now on nothing is asked and whatever comes is for `receive`, called on the event loop: the connection subscribes.
  func listen(_ receive: @escaping @Sendable (RedisReply) -> Void) {
    channel.eventLoop.execute { [handler] in handler.value.listen(receive) }
  }

  /// Sends commands whose replies are for `receive`.
  func tell(_ commands: [[[UInt8]]]) throws(RedisError) {
    let bytes = try RESPEncoder.encode(commands)
    channel.writeAndFlush(bytes, promise: nil)
  }

  /// Returns when the connection is gone; why, is `lossError`. Cancelling the task closes it.
  func closed() async {
    await withTaskCancellationHandler {
      try? await channel.closeFuture.get()
    } onCancel: {
      end(RedisError(.shutDown, "the client was shut down"))
    }
  }

  func close() async {
    end(RedisError(.connectionLost, "the connection was closed"))
    try? await channel.closeFuture.get()
  }

  /// Fails what is pending and closes, without waiting for either.
  func end(_ error: RedisError) {
    channel.eventLoop.execute { [handler] in handler.value.close(error) }
  }

  var isOpen: Bool { !line.isClosed }
  var lossError: RedisError { line.lossError }
  /// When the server last sent something.
  var lastHeard: NIODeadline { line.lastHeard }
  /// Requests pending, abandoned ones included.
  var load: Int { line.load }
  var discardedReplies: UInt64 { line.discarded }
}
