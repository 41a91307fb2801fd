internal import NIOCore
internal import NIOPosix

/// Makes connections of one kind: to servers with data, or to Sentinels.
struct RedisDialer: Sendable {
  let configuration: RedisConfiguration
  let tls: RedisTLS?
  var credentials: RedisCredentials
  var database: Int
  /// Replicas are refused.
  var requiresPrimary = false

  /// To servers with data.
  init(_ configuration: RedisConfiguration, tls: RedisTLS?) {
    self.configuration = configuration
    self.tls = tls
    credentials = configuration.credentials
    database = configuration.database
    if case .sentinel = configuration.deployment { requiresPrimary = true }
  }

  static func sentinels(_ configuration: RedisConfiguration, tls: RedisTLS?) -> RedisDialer {
    var dialer = RedisDialer(configuration, tls: tls)
    dialer.credentials = configuration.sentinelCredentials
    dialer.database = 0
    dialer.requiresPrimary = false
    return dialer
  }

  /// Connects, authenticates, selects the database and has a PING answered, all within the connect timeout.
  /// - Throws: `connectFailed`, `tls`, `authentication`, `connectionLost`, `protocolError`.
  func connect(to endpoint: RedisEndpoint, on loop: any EventLoop) async throws(RedisError) -> RedisConnection {
    let handshake = RedisHandshake(
      endpoint: endpoint, user: credentials.user, password: try await credentials.password.current(), database: database,
      clientName: configuration.clientName, requiresPrimary: requiresPrimary)
    let deadline = NIODeadline.now() + TimeAmount(configuration.connectTimeout)
    let connection = try await open(endpoint, on: loop)
    do {
      try await introduce(connection, handshake, endpoint: endpoint, deadline: deadline)
      return connection
    } catch {
      await connection.close()
      throw error
    }
  }

  /// One command over a connection of its own, within the connect and the command timeout.
  func ask(_ endpoint: RedisEndpoint, _ command: [[UInt8]], on loop: any EventLoop) async throws(RedisError) -> RedisReply {
    let connection = try await connect(to: endpoint, on: loop)
    let outcome: RedisRequest.Outcome
    do {
      let deadline = NIODeadline.now() + TimeAmount(configuration.commandTimeout)
      outcome = await connection.send(RedisRequest(bytes: try RESPEncoder.encode([command]), commands: 1, deadline: deadline))
    } catch {
      outcome = .failure(error)
    }
    await connection.close()
    guard let reply = try outcome.get().first else { throw RedisError(.protocolError, "a command without a reply") }
    return reply
  }

  private func open(_ endpoint: RedisEndpoint, on loop: any EventLoop) async throws(RedisError) -> RedisConnection {
    let line = RedisLine(maxPending: configuration.maxPending, maxBytes: configuration.maxPendingBytes)
    let bootstrap = bootstrap(endpoint, line: line, on: loop)
    let channel: any Channel
    do {
      switch endpoint {
      case .tcp(let host, let port):
        channel = try await bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port).get()
      case .unix(let path): channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
      }
    } catch let error as RedisError {
      throw error
    } catch {
      throw RedisError(.connectFailed, "\(endpoint) cannot be reached: \(error)")
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

  private func bootstrap(_ endpoint: RedisEndpoint, line: RedisLine, on loop: any EventLoop) -> ClientBootstrap {
    let limits = PendingCommands<RedisRequest>.Limits(
      maxAbandoned: configuration.maxAbandoned, grace: TimeAmount(configuration.silenceTolerance))
    return ClientBootstrap(group: loop)
      .connectTimeout(TimeAmount(configuration.connectTimeout))
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: 64 << 10))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls { try channel.pipeline.syncOperations.addHandler(tls.makeHandler(for: endpoint)) }
          let handler = RedisChannelHandler(line: line, replyLimits: configuration.replyLimits, limits: limits)
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
  }

  /// AUTH, SELECT, CLIENT SETNAME, ROLE and PING in one go.
  private func introduce(
    _ connection: RedisConnection, _ handshake: RedisHandshake, endpoint: RedisEndpoint, deadline: NIODeadline
  ) async throws(RedisError) {
    let request = RedisRequest(bytes: try RESPEncoder.encode(handshake.commands), commands: handshake.commands.count, deadline: deadline)
    switch await connection.send(request) {
    case .success(let replies): try handshake.check(replies)
    case .failure(let error) where error.code == .timedOut:
      throw RedisError(.connectFailed, "\(endpoint) accepted the connection and did not answer within the connect timeout")
    case .failure(let error): throw error
    }
  }
}
