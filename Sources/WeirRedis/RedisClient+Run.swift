internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore

extension RedisClient {
  /// Makes the connections, makes them again when they are lost, and probes while the breaker is open; until the task is cancelled. Then all
  /// that is pending fails with `shutDown`. To be called once.
  package func run() async {
    let isFirst = state.withLockedValue { state in
      defer { state.isRunning = true }
      return !state.isRunning
    }
    guard isFirst else {
      logger.error("the redis client runs already: call run() once")
      return
    }
    await withDiscardingTaskGroup { tasks in
      for index in 0..<max(1, configuration.connections) {
        tasks.addTask { await self.keepConnected(index) }
      }
      tasks.addTask { await self.watchBreaker() }
    }
  }

  private func keepConnected(_ index: Int) async {
    let loop = group.next()
    var backoff = ReconnectBackoff(
      shortest: TimeAmount(configuration.shortestReconnectDelay), longest: TimeAmount(configuration.longestReconnectDelay))
    var wasConnected = false
    var lastCode: RedisError.Code?
    while !Task.isCancelled {
      do {
        let connection = try await RedisConnection.connect(configuration, tls: tls, on: loop)
        let since = NIODeadline.now()
        await connected(connection, index: index, again: wasConnected)
        wasConnected = true
        lastCode = nil
        await connection.closed()
        lost(connection, index: index)
        backoff.connectionLasted(NIODeadline.now() - since)
      } catch {
        if Task.isCancelled { break }
        refused(error, isNews: error.code != lastCode)
        lastCode = error.code
      }
      let delay = backoff.next(jitter: .random(in: 0...1))
      try? await Task.sleep(for: Duration(delay))
    }
  }

  private func connected(_ connection: RedisConnection, index: Int, again: Bool) async {
    state.withLockedValue { state in
      state.connections[index] = connection
      if again { state.stats.reconnects += 1 }
    }
    logger.info("redis connection ready", metadata: ["redis": "\(configuration.url.endpoint)", "connection": "\(index)"])
    announceReadiness()
    // A server that is back need not wait for the breaker's pause to pass.
    await probe(early: true)
  }

  private func lost(_ connection: RedisConnection, index: Int) {
    state.withLockedValue { state in
      state.connections[index] = nil
      state.discardedReplies += connection.discardedReplies
    }
    guard !Task.isCancelled else { return }
    let error = connection.lossError
    logger.warning(
      "redis connection lost, connecting again",
      metadata: ["redis": "\(configuration.url.endpoint)", "connection": "\(index)", "error": "\(error)"])
  }

  private func refused(_ error: RedisError, isNews: Bool) {
    state.withLockedValue { $0.stats.failures[error.code, default: 0] += 1 }
    logger.log(
      level: isNews ? .warning : .debug, "redis cannot be used, going on without it and trying again",
      metadata: ["redis": "\(configuration.url.endpoint)", "error": "\(error)"])
  }

  private func announceReadiness() {
    for waiter in state.withLockedValue({ $0.takeReadinessWaiters() }) { waiter.yield() }
  }

  private func watchBreaker() async {
    for await _ in breakerOpened.stream {
      while !Task.isCancelled, let until = state.withLockedValue({ $0.openUntil }) {
        let now = NIODeadline.now()
        if until > now { try? await Task.sleep(for: Duration(until - now)) }
        await probe(early: false)
      }
    }
  }

  /// Half-open: one PING decides.
  private func probe(early: Bool) async {
    let now = NIODeadline.now()
    guard state.withLockedValue({ $0.breaker.beginProbe(at: now, early: early) }) else { return }
    let isAnswered = await ping()
    let jitter = Double.random(in: 0...1)
    state.withLockedValue { state in
      if isAnswered { state.breaker.probeSucceeded() } else { state.breaker.probeFailed(at: .now(), jitter: jitter) }
    }
    if isAnswered {
      logger.info("redis circuit breaker closed", metadata: ["redis": "\(configuration.url.endpoint)"])
      announceReadiness()
    } else {
      breakerOpened.continuation.yield()
    }
  }

  private func ping() async -> Bool {
    guard let connection = state.withLockedValue({ $0.leastLoaded }), let bytes = try? RESPEncoder.encode([[Array("PING".utf8)]]) else {
      return false
    }
    let request = RedisRequest(bytes: bytes, commands: 1, started: .now(), timeout: configuration.commandTimeout)
    guard case .success(let replies) = await connection.send(request) else { return false }
    // A refusal for want of permission is an answer, too; one because the data are still being loaded is not.
    return replies.allSatisfy { $0.errorKind == nil || $0.errorKind == "NOPERM" }
  }
}

extension RedisClient.State {
  var openUntil: NIODeadline? {
    if case .open(let until) = breaker.state { until } else { nil }
  }
}
