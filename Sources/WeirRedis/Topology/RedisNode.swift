internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore

/// One server: a few pipelined connections, and a circuit breaker. `run()` makes the connections and keeps them; without it, and while there is
/// none, every command fails at once.
final class RedisNode: Sendable {
  struct State {
    var breaker: CircuitBreaker
    var connections: [Int: RedisConnection] = [:]
    /// No attempt to connect has ended yet: worth waiting for.
    var isFresh = true
    var isRetired = false
    var lastAsked = NIODeadline.now()
    /// When the last command was sent that was not answered in time; nil once the server has been heard of since.
    var unansweredSince: NIODeadline?
    /// The password that was last announced to be another, and how often one was.
    var announced: (password: RedisPassword, count: Int)?
    /// When the connections were last given up for leading to the wrong server.
    var lastRenewal: NIODeadline?
  }

  let endpoint: RedisEndpoint
  let dialer: RedisDialer
  let monitor: RedisMonitor
  let state: NIOLockedValueBox<State>
  /// Connections, breaker or retirement changed.
  let changes = ChangeSignal()

  init(_ endpoint: RedisEndpoint, dialer: RedisDialer, monitor: RedisMonitor) {
    self.endpoint = endpoint
    self.dialer = dialer
    self.monitor = monitor
    state = NIOLockedValueBox(State(breaker: CircuitBreaker(settings: dialer.configuration.breaker)))
  }

  /// Several commands in one go over one connection, and their replies in order.
  /// - Throws: also `notReady` where a reply says that the server cannot serve at present.
  func send(_ commands: [[[UInt8]]], deadline: NIODeadline) async throws(RedisError) -> [RedisReply] {
    let connection = try admit()
    let asked = NIODeadline.now()
    do throws(RedisError) {
      let request = RedisRequest(bytes: try RESPEncoder.encode(commands), commands: commands.count, deadline: deadline)
      let replies = try await connection.send(request).get()
      if let kind = replies.lazy.compactMap(\.unreadiness).first { throw refused(String(kind)) }
      state.withLockedValue { $0.breaker.succeeded(at: .now()) }
      return replies
    } catch {
      if error.code == .timedOut {
        // What came from another server, or was to be quick, has had less time than is due, and says nothing of this one.
        guard asked + TimeAmount(dialer.configuration.commandTimeout) <= .now() else { throw error }
        if state.withLockedValue({ $0.noteUnanswered(since: asked) }) { monitor.silenceBegan() }
      }
      failed(error)
      throw error
    }
  }

  /// The least loaded connection, unless the server is known to be silent: nobody is to wait behind a command that has waited in vain.
  private func admit() throws(RedisError) -> RedisConnection {
    switch state.withLockedValue({ $0.admit(at: .now()) }) {
    case .success(let connection): return connection
    case .failure(let obstacle):
      monitor.trouble.raise()
      throw RedisError(.unavailable, obstacle.rawValue)
    }
  }

  private func refused(_ kind: String) -> RedisError {
    // What was a primary is one no more: its name may lead to the new one by now.
    if kind == "READONLY" { renewConnections() }
    return RedisError(.notReady, "the server cannot serve at present (\(kind))")
  }

  private func failed(_ error: RedisError) {
    guard error.speaksOfServer else { return }
    monitor.trouble.raise()
    let jitter = Double.random(in: 0...1)
    guard state.withLockedValue({ $0.breaker.failed(at: .now(), jitter: jitter) }) else { return }
    monitor.stats.withLockedValue { $0.breakerOpenings += 1 }
    monitor.logger.warning(
      "redis circuit breaker opened: going on without redis", metadata: ["redis": "\(endpoint)", "error": "\(error.code.rawValue)"])
    changes.changed()
  }

  /// Gives up every connection, for new ones to be made; not again within 10 s.
  private func renewConnections() {
    let connections = state.withLockedValue { state -> [RedisConnection] in
      let now = NIODeadline.now()
      if let last = state.lastRenewal, now - last < .seconds(10) { return [] }
      state.lastRenewal = now
      return Array(state.connections.values)
    }
    for connection in connections { connection.end(RedisError(.connectionLost, "the server is no primary (any more)")) }
  }

  /// Says anew who one is on every connection, since the password was changed.
  func authenticate(_ password: RedisPassword) async {
    let connections = state.withLockedValue { state in
      state.announced = (password, (state.announced?.count ?? 0) + 1)
      return Array(state.connections.values)
    }
    for connection in connections { await authenticate(connection, password) }
  }

  func authenticate(_ connection: RedisConnection, _ password: RedisPassword) async {
    let command = RedisHandshake.authentication(user: dialer.credentials.user, password: password)
    guard let bytes = try? RESPEncoder.encode([command]) else { return }
    let deadline = NIODeadline.now() + TimeAmount(dialer.configuration.connectTimeout)
    let outcome = await connection.send(RedisRequest(bytes: bytes, commands: 1, deadline: deadline))
    guard case .success(let replies) = outcome, replies.contains(where: { $0.errorKind != nil }) else { return }
    monitor.count(.authentication)
    monitor.logger.warning("redis refused the changed password, the connection stays with the old one", metadata: ["redis": "\(endpoint)"])
  }

  /// Waits for the first connection of a server that was not known before; not for one that is known to be away.
  func waitWhileFresh(until deadline: NIODeadline) async {
    await changes.wait(until: deadline, on: monitor.group.any()) { state.withLockedValue { $0.isReady || !$0.isFresh } }
  }

  /// Ends `run()` once what is pending is answered, or would have timed out.
  func retire() {
    state.withLockedValue { $0.isRetired = true }
    changes.changed()
  }

  var isReady: Bool { state.withLockedValue { $0.isReady } }
  var isRetired: Bool { state.withLockedValue { $0.isRetired } }
  var lastAsked: NIODeadline { state.withLockedValue { $0.lastAsked } }

  /// Adds what is so now.
  func describe(in stats: inout RedisStats) -> RedisStats.State {
    state.withLockedValue { state in
      let open = state.connections.values.filter(\.isOpen)
      stats.connections += open.count
      stats.pending += open.reduce(0) { $0 + $1.load }
      stats.discardedReplies += state.connections.values.reduce(0) { $0 + $1.discardedReplies }
      return !state.breaker.isClosed || state.isSilent ? .open : open.isEmpty ? .connecting : .ready
    }
  }
}

extension RedisNode.State {
  /// Why nothing can be sent.
  enum Obstacle: String, Error {
    case isAway = "no connection is up"
    case isSilent = "the server has left a command unanswered and not been heard of since"
    case isGivenUp = "the circuit breaker is open"
  }

  mutating func admit(at now: NIODeadline) -> Result<RedisConnection, Obstacle> {
    lastAsked = now
    guard breaker.isClosed else { return .failure(.isGivenUp) }
    guard let connection = leastLoaded else { return .failure(.isAway) }
    guard !isSilent else { return .failure(.isSilent) }
    unansweredSince = nil
    return .success(connection)
  }

  /// - Returns: whether the server counts as silent from now on.
  mutating func noteUnanswered(since asked: NIODeadline) -> Bool {
    let wasKnown = isSilent
    unansweredSince = max(unansweredSince ?? asked, asked)
    return isSilent && !wasKnown
  }

  /// Until its answer comes, late, on whatever connection, or its connection is given up for another.
  var isSilent: Bool {
    guard let unansweredSince else { return false }
    return !connections.values.contains { $0.lastHeard >= unansweredSince }
  }

  var leastLoaded: RedisConnection? {
    var best: (connection: RedisConnection, load: Int)?
    for connection in connections.values where connection.isOpen {
      let load = connection.load
      if load < best?.load ?? .max { best = (connection, load) }
    }
    return best?.connection
  }

  var isReady: Bool { breaker.isClosed && connections.values.contains(where: \.isOpen) }

  var openUntil: NIODeadline? {
    if case .open(let until) = breaker.state { until } else { nil }
  }
}
