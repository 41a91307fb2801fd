package import Logging
internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOPosix

/// A Redis client that never holds anybody up: a few pipelined connections to each server, a timeout for every command, redirections included,
/// and a circuit breaker for each server. Once a command has waited in vain, no other waits behind it: they fail at once until the server is heard of.
///
/// `run()` makes the connections and keeps them; without it, and while there is no connection, every command fails at once.
package final class RedisClient: Sendable {
  let configuration: RedisConfiguration
  let monitor: RedisMonitor
  let nodes: RedisNodes
  let topology: any RedisTopology
  let subscriber: RedisSubscriber
  let isRunning = NIOLockedValueBox(false)
  private let onLatency: (@Sendable (Duration) -> Void)?

  /// A thread that does nothing but speak to Redis, for as long as the process lives. Beside thousands of clients' sockets a reply could lie unread
  /// for so long that Redis seemed to be silent.
  private static let ownLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  /// - Parameters:
  ///   - group: Where its connections live; nil: on a thread that all clients share with nobody else.
  ///   - onLatency: Called with the time from `send` to the reply, for every request that was answered. Must not block.
  /// - Throws: `tls` where files for TLS cannot be read.
  package init(
    configuration: RedisConfiguration, group: (any EventLoopGroup)? = nil, logger: Logger,
    onLatency: (@Sendable (Duration) -> Void)? = nil
  ) throws(RedisError) {
    let tls: RedisTLS?
    if let files = configuration.tls { tls = try RedisTLS(files) } else { tls = nil }
    self.configuration = configuration
    self.onLatency = onLatency
    monitor = RedisMonitor(configuration, logger: logger, group: group ?? Self.ownLoop)
    nodes = RedisNodes(dialer: RedisDialer(configuration, tls: tls), monitor: monitor)
    let topology: any RedisTopology =
      switch configuration.deployment {
      case .single(let endpoint): SingleTopology(endpoint, nodes: nodes)
      case .sentinel(let primary, let sentinels):
        SentinelTopology(name: primary, sentinels: sentinels, dialer: .sentinels(configuration, tls: tls), nodes: nodes)
      case .cluster(let seeds): ClusterTopology(seeds: seeds, nodes: nodes)
      }
    self.topology = topology
    subscriber = RedisSubscriber(dialer: nodes.dialer, monitor: monitor) {
      topology.node(for: nil).map { node in .init(endpoint: node.endpoint) { !node.isRetired } }
    }
  }

  /// One command and its reply; a refusal by the server is a reply (`RedisReply.error`), but for those that say that it cannot serve at
  /// present (`notReady`). Cancelling the task returns at once. Repeat only what may be done twice: after `timedOut`, `cancelled` and
  /// `connectionLost` nobody knows whether it was done.
  /// - Parameters:
  ///   - key: The key that it is about; of several, which must share one hash tag, any. In a cluster it says which server is asked. Nil where
  ///     any server will do.
  ///   - timeout: Instead of the configured command timeout.
  package func send(_ command: RedisCommand, key: [UInt8]? = nil, timeout: Duration? = nil) async throws(RedisError) -> RedisReply {
    let replies = try await pipeline([command], key: key, timeout: timeout)
    guard let reply = replies.first else { throw RedisError(.protocolError, "a command without a reply") }
    return reply
  }

  /// Several commands about one key, or keys of one hash tag, in one go over the same connection; as many replies, in their order. Other
  /// callers' commands never come between them, but the server may serve other connections in between (that is what MULTI is for). Those
  /// that are sent again, since the key moved or a script was lost, are carried out behind the others.
  package func pipeline(_ commands: [RedisCommand], key: [UInt8]? = nil, timeout: Duration? = nil) async throws(RedisError) -> [RedisReply] {
    if commands.isEmpty { return [] }
    monitor.stats.withLockedValue { stats in
      stats.requests += 1
      stats.commands += UInt64(commands.count)
    }
    let started = NIODeadline.now()
    do {
      let deadline = started + TimeAmount(timeout ?? configuration.commandTimeout)
      let replies = try await travel(CommandJourney(commands), slot: key.map { ClusterSlot(of: $0) }, deadline: deadline)
      onLatency?(Duration(NIODeadline.now() - started))
      return replies
    } catch {
      monitor.count(error.code)
      throw error
    }
  }

  /// Runs a script: by its digest, with its source where the server has lost it (restart, failover, `SCRIPT FLUSH`). A script that the server
  /// does not know has not run, so the second attempt, of which there is one, does nothing twice.
  /// - Throws: `invalidCommand` where the keys lie in several slots of a cluster, cluster or not.
  package func evaluate(
    _ script: RedisScript, keys: [[UInt8]], arguments: [[UInt8]], timeout: Duration? = nil
  ) async throws(RedisError) -> RedisReply {
    let slots = keys.map { ClusterSlot(of: $0) }
    guard slots.allSatisfy({ $0 == slots.first }) else {
      throw RedisError(.invalidCommand, "the keys of a script lie in several slots: give them one hash tag")
    }
    return try await send(RedisCommand(script, keys: keys, arguments: arguments), key: keys.first, timeout: timeout)
  }

  private func travel(_ way: CommandJourney, slot: ClusterSlot?, deadline: NIODeadline) async throws(RedisError) -> [RedisReply] {
    var journey = way
    guard var node = topology.node(for: slot) else { throw RedisError(.unavailable, "no server is known to ask") }
    while true {
      let replies = try await node.send(journey.commands, deadline: deadline)
      switch journey.receive(replies, jitter: .random(in: 0...1)) {
      case .finished(let replies): return replies
      case .failed(let error): throw error
      case .send(let destination, let pause):
        if pause > .zero { try await wait(pause, until: deadline) }
        node = try await next(destination, from: node, slot: slot, deadline: deadline)
      }
    }
  }

  private func wait(_ pause: TimeAmount, until deadline: NIODeadline) async throws(RedisError) {
    guard NIODeadline.now() + pause < deadline else { throw RedisError(.notReady, "the cluster is still moving the key") }
    do { try await Task.sleep(for: Duration(pause)) } catch { throw RedisError(.cancelled, "the caller left") }
  }

  private func next(
    _ destination: CommandJourney.Destination, from node: RedisNode, slot: ClusterSlot?, deadline: NIODeadline
  ) async throws(RedisError) -> RedisNode {
    let target: RedisNode?
    switch destination {
    case .same: return node
    case .owner: target = topology.node(for: slot)
    case .moved(let slot, let address): target = topology.follow(address, moved: slot, from: node)
    case .ask(let address): target = topology.follow(address, moved: nil, from: node)
    }
    monitor.stats.withLockedValue { $0.redirections += 1 }
    guard let target else { throw RedisError(.notReady, "the server sends the command elsewhere, where it cannot be sent") }
    await target.waitWhileFresh(until: deadline)
    return target
  }

  /// What a command may take, unless another timeout is given with it.
  package var commandTimeout: Duration { configuration.commandTimeout }

  /// What happened so far and what is now.
  package var stats: RedisStats {
    var stats = monitor.stats.withLockedValue { $0 }
    let states = nodes.all.map { $0.describe(in: &stats) }
    stats.servers = states.count
    stats.state = states.contains(.open) ? .open : topology.isReady ? .ready : .connecting
    return stats
  }

  /// Calls `body`, which must not block, each time a server has left a command unanswered: nobody need wait for word of it. For as long as the
  /// client lives.
  package func whenSilent(_ body: @escaping @Sendable () -> Void) { monitor.whenSilent(body) }

  /// Waits until commands with any key can be sent.
  /// - Returns: False where that was not so within `timeout`, or the task was cancelled.
  package func waitUntilReady(timeout: Duration) async -> Bool {
    await monitor.readiness.wait(until: .now() + TimeAmount(timeout), on: monitor.group.any()) { topology.isReady }
  }
}
