package import Logging
internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOPosix

/// A Redis client that never holds anybody up: a few pipelined connections, a timeout for every command, and a circuit breaker.
///
/// `run()` makes the connections and keeps them; without it, and while there is no connection, every command fails at once.
package final class RedisClient: Sendable {
  struct State {
    var breaker: CircuitBreaker
    var connections: [Int: RedisConnection] = [:]
    var stats = RedisStats()
    /// Of connections that are gone.
    var discardedReplies: UInt64 = 0
    var readiness: [Int: AsyncStream<Void>.Continuation] = [:]
    var nextWaiter = 0
    var isRunning = false
    var scripts: [RedisScript: [UInt8]] = [:]
  }

  let configuration: RedisConfiguration
  let tls: RedisTLS?
  let group: any EventLoopGroup
  let logger: Logger
  /// Told whenever the breaker opens.
  let breakerOpened: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
  let state: NIOLockedValueBox<State>
  private let onLatency: (@Sendable (Duration) -> Void)?

  /// - Parameters:
  ///   - onLatency: Called with the time from `send` to the reply, for every request that was answered. Must not block.
  /// - Throws: `tls` where the URL wants TLS and the certificate authorities cannot be read.
  package init(
    configuration: RedisConfiguration, group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger,
    onLatency: (@Sendable (Duration) -> Void)? = nil
  ) throws(RedisError) {
    if configuration.url.usesTLS, case .tcp(let host, _) = configuration.url.endpoint {
      tls = try RedisTLS(host: host, certificateAuthorityFile: configuration.certificateAuthorityFile)
    } else {
      tls = nil
    }
    self.configuration = configuration
    self.group = group
    self.logger = logger
    self.onLatency = onLatency
    breakerOpened = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    state = NIOLockedValueBox(State(breaker: CircuitBreaker(settings: configuration.breaker)))
  }

  /// One command, such as `["GET", key]`, and its reply; a refusal by the server is a reply (`RedisReply.error`). Cancelling the task returns
  /// at once. Repeat only what may be done twice: after `timedOut`, `cancelled` and `connectionLost` nobody knows whether it was done.
  /// - Parameter timeout: Instead of the configured command timeout.
  package func send(_ arguments: [[UInt8]], timeout: Duration? = nil) async throws(RedisError) -> RedisReply {
    let replies = try await pipeline([arguments], timeout: timeout)
    guard let reply = replies.first else { throw RedisError(.protocolError, "a command without a reply") }
    return reply
  }

  /// Several commands in one go over the same connection; as many replies, in their order. Other callers' commands never come between them,
  /// but the server may serve other connections in between (that is what MULTI is for).
  package func pipeline(_ commands: [[[UInt8]]], timeout: Duration? = nil) async throws(RedisError) -> [RedisReply] {
    if commands.isEmpty { return [] }
    let connection: RedisConnection
    switch admit(commands.count) {
    case .success(let admitted): connection = admitted
    case .failure(let error): throw error
    }
    let started = NIODeadline.now()
    do {
      let bytes = try RESPEncoder.encode(commands)
      let request = RedisRequest(bytes: bytes, commands: commands.count, started: started, timeout: timeout ?? configuration.commandTimeout)
      let replies = try await connection.send(request).get()
      let now = NIODeadline.now()
      state.withLockedValue { $0.breaker.succeeded(at: now) }
      onLatency?(Duration(now - started))
      return replies
    } catch {
      failed(error)
      throw error
    }
  }

  /// The least loaded connection, or why there is none.
  private func admit(_ commands: Int) -> Result<RedisConnection, RedisError> {
    state.withLockedValue { state in
      state.stats.requests += 1
      state.stats.commands += UInt64(commands)
      if state.breaker.isClosed, let connection = state.leastLoaded { return .success(connection) }
      state.stats.failures[.unavailable, default: 0] += 1
      return .failure(RedisError(.unavailable, state.breaker.isClosed ? "no connection is up" : "the circuit breaker is open"))
    }
  }

  private func failed(_ error: RedisError) {
    let now = NIODeadline.now()
    let jitter = Double.random(in: 0...1)
    let hasOpened = state.withLockedValue { state in
      state.stats.failures[error.code, default: 0] += 1
      guard error.speaksOfServer, state.breaker.failed(at: now, jitter: jitter) else { return false }
      state.stats.breakerOpenings += 1
      return true
    }
    guard hasOpened else { return }
    logger.warning("redis circuit breaker opened: going on without redis", metadata: ["error": "\(error.code.rawValue)"])
    breakerOpened.continuation.yield()
  }

  /// What happened so far and what is now.
  package var stats: RedisStats {
    state.withLockedValue { state in
      var stats = state.stats
      let open = state.connections.values.filter(\.isOpen)
      stats.connections = open.count
      stats.pending = open.reduce(0) { $0 + $1.load }
      stats.discardedReplies = state.connections.values.reduce(state.discardedReplies) { $0 + $1.discardedReplies }
      stats.state = !state.breaker.isClosed ? .open : open.isEmpty ? .connecting : .ready
      return stats
    }
  }

  /// Waits until commands can be sent.
  /// - Returns: False where that was not so within `timeout`, or the task was cancelled.
  package func waitUntilReady(timeout: Duration) async -> Bool {
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    let waiter = state.withLockedValue { state -> Int? in
      if state.isReady { return nil }
      state.nextWaiter += 1
      state.readiness[state.nextWaiter] = continuation
      return state.nextWaiter
    }
    guard let waiter else { return true }
    let timer = group.any().scheduleTask(in: TimeAmount(timeout)) { continuation.finish() }
    defer {
      timer.cancel()
      _ = state.withLockedValue { $0.readiness.removeValue(forKey: waiter) }
    }
    for await _ in stream { return true }
    return false
  }
}

extension RedisClient.State {
  var leastLoaded: RedisConnection? {
    var best: (connection: RedisConnection, load: Int)?
    for connection in connections.values where connection.isOpen {
      let load = connection.load
      if load < best?.load ?? .max { best = (connection, load) }
    }
    return best?.connection
  }

  var isReady: Bool { breaker.isClosed && connections.values.contains(where: \.isOpen) }

  /// Those to wake, outside the lock.
  mutating func takeReadinessWaiters() -> [AsyncStream<Void>.Continuation] {
    guard isReady else { return [] }
    defer { readiness = [:] }
    return Array(readiness.values)
  }
}
