internal import NIOCore
internal import NIOPosix

/// One pipelined connection that has said who it is and was answered.
final class RedisConnection: Sendable {
  private let line: RedisLine
  private let channel: any Channel
  private let handler: NIOLoopBound<RedisChannelHandler>

  private init(line: RedisLine, channel: any Channel, handler: NIOLoopBound<RedisChannelHandler>) {
    self.line = line
    self.channel = channel
    self.handler = handler
  }

  /// Connects, authenticates, selects the database and has a PING answered, all within the connect timeout.
  /// - Throws: `connectFailed`, `tls`, `authentication`, `connectionLost`, `protocolError`.
  static func connect(_ configuration: RedisConfiguration, tls: RedisTLS?, on loop: any EventLoop) async throws(RedisError) -> RedisConnection {
    let started = NIODeadline.now()
    let connection = try await open(configuration, tls: tls, on: loop)
    do {
      try await connection.introduce(configuration, started: started)
      return connection
    } catch {
      await connection.close()
      throw error
    }
  }

  private static func open(_ configuration: RedisConfiguration, tls: RedisTLS?, on loop: any EventLoop) async throws(RedisError) -> RedisConnection {
    let line = RedisLine(maxPending: configuration.maxPending, maxBytes: configuration.maxPendingBytes)
    let limits = PendingCommands<RedisRequest>.Limits(
      maxAbandoned: configuration.maxAbandoned, grace: TimeAmount(configuration.silenceTolerance))
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(TimeAmount(configuration.connectTimeout))
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: 64 << 10))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls { try channel.pipeline.syncOperations.addHandler(tls.makeHandler()) }
          let handler = RedisChannelHandler(line: line, replyLimits: configuration.replyLimits, limits: limits)
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
    let channel: any Channel
    do {
      switch configuration.url.endpoint {
      case .tcp(let host, let port):
        channel = try await bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port).get()
      case .unix(let path): channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
      }
    } catch let error as RedisError {
      throw error
    } catch {
      throw RedisError(.connectFailed, "\(configuration.url.endpoint) cannot be reached: \(error)")
    }
    do {
      let handler = try await channel.eventLoop.submit {
        NIOLoopBound(try channel.pipeline.syncOperations.handler(type: RedisChannelHandler.self), eventLoop: channel.eventLoop)
      }.get()
      return RedisConnection(line: line, channel: channel, handler: handler)
    } catch {
      // Closed between being made and being asked for its handler.
      throw line.lossError
    }
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

  /// AUTH, SELECT, CLIENT SETNAME and PING in one go.
  private func introduce(_ configuration: RedisConfiguration, started: NIODeadline) async throws(RedisError) {
    let handshake = RedisHandshake(configuration)
    let request = RedisRequest(
      bytes: try RESPEncoder.encode(handshake.commands), commands: handshake.commands.count, started: started,
      timeout: configuration.connectTimeout)
    switch await send(request) {
    case .success(let replies): try handshake.check(replies)
    case .failure(let error) where error.code == .timedOut:
      throw RedisError(.connectFailed, "\(configuration.url.endpoint) accepted the connection and did not answer within the connect timeout")
    case .failure(let error): throw error
    }
  }

  /// Returns when the connection is gone; why, is `lossError`. Cancelling the task closes it.
  func closed() async {
    await withTaskCancellationHandler {
      try? await channel.closeFuture.get()
    } onCancel: {
      channel.eventLoop.execute { [handler] in handler.value.close(RedisError(.shutDown, "the client was shut down")) }
    }
  }

  func close() async {
    channel.eventLoop.execute { [handler] in handler.value.close(RedisError(.connectionLost, "the connection was closed")) }
    try? await channel.closeFuture.get()
  }

  var isOpen: Bool { !line.isClosed }
  var lossError: RedisError { line.lossError }
  /// Requests pending, abandoned ones included.
  var load: Int { line.load }
  var discardedReplies: UInt64 { line.discarded }
}
