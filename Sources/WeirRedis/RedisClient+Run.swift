internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore

extension RedisClient {
  /// Makes the connections, makes them again when they are lost, finds out who is where, and keeps subscriptions; until the task is cancelled.
  /// Then all that is pending fails with `shutDown`. To be called once.
  package func run() async {
    let isFirst = isRunning.withLockedValue { isRunning in
      defer { isRunning = true }
      return !isRunning
    }
    guard isFirst else {
      monitor.logger.error("the redis client runs already: call run() once")
      return
    }
    await withDiscardingTaskGroup { tasks in
      tasks.addTask { await self.nodes.run() }
      tasks.addTask { await self.topology.run() }
      tasks.addTask { await self.subscriber.run() }
      if configuration.credentials.password.changes { tasks.addTask { await self.watchPassword() } }
    }
  }

  /// New connections read the password themselves; those that are there say the changed one, since some servers end what was said long ago.
  private func watchPassword() async {
    var last: RedisPassword?
    var hasWarned = false
    while !Task.isCancelled {
      do {
        let password = try await configuration.credentials.password.current()
        hasWarned = false
        if let password, let last, password != last {
          for node in nodes.all { await node.authenticate(password) }
          monitor.logger.info("redis password changed")
        }
        last = password ?? last
      } catch {
        monitor.logger.log(
          level: hasWarned ? .debug : .warning, "redis password cannot be read, going on with the last one", metadata: ["error": "\(error)"])
        hasWarned = true
      }
      try? await Task.sleep(for: configuration.passwordCheck)
    }
  }

  /// Subscribes to a channel for as long as the subscription is held. Publishing is a command (`PUBLISH`), from a script too; in a cluster it
  /// reaches every server, whatever the key.
  /// - Parameter buffered: Messages that may wait for their reader. Where more come, all are dropped and `missed` is said.
  package func subscribe(to channel: [UInt8], buffered: Int = 1024) -> RedisSubscription {
    subscriber.subscribe(to: channel, buffered: buffered)
  }
}
