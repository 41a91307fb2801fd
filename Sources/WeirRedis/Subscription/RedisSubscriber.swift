internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore

/// A connection that subscribes: a RESP2 connection that does can do nothing else.
final class RedisSubscriber: Sendable {
  /// Where to subscribe, and whether that is still the place.
  struct Place: Sendable {
    let endpoint: RedisEndpoint
    let isCurrent: @Sendable () -> Bool
  }

  private struct State {
    var table = SubscriptionTable()
    var mailboxes: [SubscriptionTable.ID: SubscriptionMailbox] = [:]
    var connection: RedisConnection?
    var wasHeard = false
  }

  private let place: @Sendable () -> Place?
  private let dialer: RedisDialer
  private let monitor: RedisMonitor
  private let state = NIOLockedValueBox(State())
  private let wanted = ChangeSignal()

  /// - Parameter place: Asked before each attempt to connect; nil while nobody is known.
  init(dialer: RedisDialer, monitor: RedisMonitor, at place: @escaping @Sendable () -> Place?) {
    self.place = place
    self.dialer = dialer
    self.monitor = monitor
  }

  func subscribe(to channel: [UInt8], buffered: Int) -> RedisSubscription {
    let mailbox = SubscriptionMailbox(limit: buffered)
    let id = state.withLockedValue { state in
      let added = state.table.add(channel)
      state.mailboxes[added.id] = mailbox
      // Under the lock, as is `receive`, so that `ready` comes before the first message and commands leave in the order of the table.
      if added.isConfirmed { _ = mailbox.put(.ready) }
      if added.mustSubscribe { tell(state.connection, "SUBSCRIBE", [channel]) }
      return added.id
    }
    wanted.changed()
    return RedisSubscription(mailbox: mailbox) { [weak self] in self?.unsubscribe(id) }
  }

  private func unsubscribe(_ id: SubscriptionTable.ID) {
    state.withLockedValue { state in
      state.mailboxes[id] = nil
      if let channel = state.table.remove(id) { tell(state.connection, "UNSUBSCRIBE", [channel]) }
    }
  }

  private func tell(_ connection: RedisConnection?, _ name: String, _ channels: [[UInt8]]) {
    do { try connection?.tell([[Array(name.utf8)] + channels]) } catch { connection?.end(error) }
  }

  /// Keeps the connection while there are subscriptions, until the task is cancelled.
  func run() async {
    let loop = monitor.group.next()
    let configuration = dialer.configuration
    var backoff = ReconnectBackoff(
      shortest: TimeAmount(configuration.shortestReconnectDelay), longest: TimeAmount(configuration.longestReconnectDelay))
    while !Task.isCancelled {
      await wanted.wait(on: loop) { state.withLockedValue { !$0.table.isEmpty } }
      if Task.isCancelled { break }
      if let place = place() {
        let since = NIODeadline.now()
        await serve(place, on: loop)
        backoff.connectionLasted(NIODeadline.now() - since)
      }
      try? await Task.sleep(for: Duration(backoff.next(jitter: .random(in: 0...1))))
    }
  }

  private func serve(_ place: Place, on loop: any EventLoop) async {
    let connection: RedisConnection
    do {
      connection = try await dialer.connect(to: place.endpoint, on: loop)
    } catch {
      monitor.count(error.code)
      monitor.trouble.raise()
      monitor.logger.debug("redis cannot be subscribed to, trying again", metadata: ["redis": "\(place.endpoint)", "error": "\(error)"])
      return
    }
    connection.listen { [weak self, weak connection] reply in self?.receive(reply, from: connection) }
    state.withLockedValue { state in
      state.connection = connection
      state.wasHeard = true
      let channels = state.table.connect()
      if !channels.isEmpty { tell(connection, "SUBSCRIBE", channels) }
    }
    await withDiscardingTaskGroup { tasks in
      tasks.addTask { await self.watch(connection, at: place) }
      await connection.closed()
      tasks.cancelAll()
    }
    let missing = state.withLockedValue { state in
      state.connection = nil
      return state.table.disconnect().compactMap { state.mailboxes[$0] }
    }
    for mailbox in missing { _ = mailbox.put(.missed) }
    monitor.stats.withLockedValue { $0.missedMessages += missing.isEmpty ? 0 : 1 }
    if Task.isCancelled { return }
    monitor.logger.warning(
      "redis subscriptions lost, subscribing again", metadata: ["redis": "\(place.endpoint)", "error": "\(connection.lossError)"])
  }

  /// A server that is silent, or asked no more, is left.
  private func watch(_ connection: RedisConnection, at place: Place) async {
    while !Task.isCancelled {
      let wasHeard = state.withLockedValue { state in
        defer { state.wasHeard = false }
        return state.wasHeard
      }
      if !place.isCurrent() { return connection.end(RedisError(.connectionLost, "another server is asked now")) }
      if !wasHeard { return connection.end(RedisError(.connectionLost, "the server was silent for too long")) }
      do { try connection.tell([[Array("PING".utf8)]]) } catch { return connection.end(error) }
      try? await Task.sleep(for: dialer.configuration.subscriberPing)
    }
  }

  private func receive(_ reply: RedisReply, from connection: RedisConnection?) {
    let problem = state.withLockedValue { state -> String? in
      state.wasHeard = true
      switch state.table.receive(reply) {
      case .message(let readers, let payload): put(.message(payload), readers, state)
      case .confirmed(let readers): put(.ready, readers, state)
      case .alive: break
      case .wrong(let why): return why
      }
      return nil
    }
    if let problem { connection?.end(RedisError(.protocolError, problem)) }
  }

  private func put(_ event: RedisSubscriptionEvent, _ readers: Set<SubscriptionTable.ID>, _ state: State) {
    // Counted before a reader can act on it, so that whoever has a message finds it counted.
    if case .message = event { monitor.stats.withLockedValue { $0.messages += 1 } }
    var missed: UInt64 = 0
    for reader in readers where state.mailboxes[reader]?.put(event) == false { missed += 1 }
    if missed > 0 { monitor.stats.withLockedValue { $0.missedMessages += missed } }
  }
}
