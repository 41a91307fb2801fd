internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore

extension RedisNode {
  /// Makes the connections, makes them again when they are lost, and probes while the breaker is open; until the node is retired or the task
  /// cancelled. Then all that is pending fails with `shutDown`. To be called once.
  func run() async {
    await withDiscardingTaskGroup { tasks in
      for index in 0..<max(1, dialer.configuration.connections) {
        tasks.addTask { await self.keepConnected(index) }
      }
      tasks.addTask { await self.watchBreaker() }
      await changes.wait(on: monitor.group.any()) { isRetired }
      try? await Task.sleep(for: dialer.configuration.commandTimeout)
      tasks.cancelAll()
    }
  }

  private func keepConnected(_ index: Int) async {
    let loop = monitor.group.next()
    let configuration = dialer.configuration
    var backoff = ReconnectBackoff(
      shortest: TimeAmount(configuration.shortestReconnectDelay), longest: TimeAmount(configuration.longestReconnectDelay))
    var wasConnected = false
    var lastCode: RedisError.Code?
    while !Task.isCancelled {
      do {
        let announcements = state.withLockedValue { $0.announced?.count }
        let connection = try await dialer.connect(to: endpoint, on: loop)
        let since = NIODeadline.now()
        let missed = connected(connection, index: index, after: announcements)
        // It may have said the one before.
        if let missed { await authenticate(connection, missed) }
        await greet(index, again: wasConnected)
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

  /// - Returns: the password that was announced while the connection was made; nil: none was.
  private func connected(_ connection: RedisConnection, index: Int, after announcements: Int?) -> RedisPassword? {
    state.withLockedValue { state in
      state.connections[index] = connection
      state.isFresh = false
      return state.announced?.count == announcements ? nil : state.announced?.password
    }
  }

  private func greet(_ index: Int, again: Bool) async {
    if again { monitor.stats.withLockedValue { $0.reconnects += 1 } }
    monitor.logger.info("redis connection ready", metadata: ["redis": "\(endpoint)", "connection": "\(index)"])
    announce()
    // A server that is back need not wait for the breaker's pause to pass.
    await probe(early: true)
  }

  private func lost(_ connection: RedisConnection, index: Int) {
    state.withLockedValue { $0.connections[index] = nil }
    monitor.stats.withLockedValue { $0.discardedReplies += connection.discardedReplies }
    monitor.trouble.raise()
    guard !Task.isCancelled else { return }
    monitor.logger.warning(
      "redis connection lost, connecting again",
      metadata: ["redis": "\(endpoint)", "connection": "\(index)", "error": "\(connection.lossError)"])
  }

  private func refused(_ error: RedisError, isNews: Bool) {
    state.withLockedValue { $0.isFresh = false }
    changes.changed()
    monitor.count(error.code)
    monitor.trouble.raise()
    monitor.logger.log(
      level: isNews ? .warning : .debug, "redis cannot be used, going on without it and trying again",
      metadata: ["redis": "\(endpoint)", "error": "\(error)"])
  }

  private func announce() {
    changes.changed()
    monitor.readiness.changed()
  }

  private func watchBreaker() async {
    while !Task.isCancelled {
      await changes.wait(on: monitor.group.any()) { state.withLockedValue { $0.openUntil } != nil }
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
      monitor.logger.info("redis circuit breaker closed", metadata: ["redis": "\(endpoint)"])
      announce()
    } else {
      changes.changed()
      monitor.trouble.raise()
    }
  }

  private func ping() async -> Bool {
    guard let connection = state.withLockedValue({ $0.leastLoaded }), let bytes = try? RESPEncoder.encode([[Array("PING".utf8)]]) else {
      return false
    }
    let request = RedisRequest(bytes: bytes, commands: 1, deadline: .now() + TimeAmount(dialer.configuration.commandTimeout))
    guard case .success(let replies) = await connection.send(request) else { return false }
    // A refusal for want of permission is an answer, too; one because the data are still being loaded is not.
    return replies.allSatisfy { $0.errorKind == nil || $0.errorKind == "NOPERM" }
  }
}
