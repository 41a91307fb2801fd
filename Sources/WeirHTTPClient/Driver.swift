import Logging
import NIOConcurrencyHelpers
import Synchronization

/// Who uses libcurl, and when: its handles belong to whoever has this lock. A thread of the client's own waits for sockets and time, and does
/// all that may take long; who sends a request starts it on the spot, where a connection is open for it, little is under way, and nobody has the lock.
final class Driver: Sendable {
  private let mailbox: Mailbox
  private let poller: SocketPoller
  private let logger: Logger
  /// Nil when it has ended.
  private let engine: Mutex<TransferEngine?>

  /// Nil where the system has no memory or no descriptors left.
  init?(
    mailbox: Mailbox, poller: SocketPoller, configuration: HTTPClientConfiguration, statistics: NIOLockedValueBox<HTTPClientStatistics>,
    logger: Logger
  ) {
    guard let engine = TransferEngine(mailbox: mailbox, poller: poller, configuration: configuration, statistics: statistics, logger: logger) else {
      return nil
    }
    self.mailbox = mailbox
    self.poller = poller
    self.logger = logger
    self.engine = Mutex(engine)
  }

  // MARK: Everybody

  /// To be called after each request that was put into the mailbox: starts one that waits there, or has the thread do it.
  func nudge() {
    let effects = engine.withLockIfAvailable { engine -> [Aftermath.Task]? in
      guard let engine, engine.startsAtOnce, let (request, exchange) = mailbox.takeRequest() else { return nil }
      if engine.startNow(request, exchange) { poller.ring() }
      return engine.takeEffects()
    }
    if let effects = effects ?? nil { perform(effects) } else { mailbox.ring() }
  }

  // MARK: The thread

  /// Serves the mailbox until it is closed. Returns with every transfer ended and nothing of libcurl's left.
  func run() {
    var events: [SocketPoller.Event] = []
    while let timeout = turn(events) {
      guard let found = poller.wait(timeout) else {
        logger.error("the HTTP client ends: waiting for sockets failed")
        break
      }
      events = found
    }
    end()
  }

  /// Ends what runs and frees what is libcurl's. `run` does it; to be called where that cannot be.
  func end() {
    let effects = engine.withLock { engine -> [Aftermath.Task] in
      defer { engine = nil }
      engine?.end()
      return engine?.takeEffects() ?? []
    }
    perform(effects)
    mailbox.driverEnded()
  }

  /// Does what is due. Returns for how many milliseconds nothing will be; nil at the end.
  private func turn(_ events: [SocketPoller.Event]) -> CInt? {
    let (timeout, effects) = engine.withLock { engine -> (CInt?, [Aftermath.Task]) in
      guard let engine else { return (nil, []) }
      return (engine.turn(mailbox.drain(), events), engine.takeEffects())
    }
    perform(effects)
    return timeout
  }

  private func perform(_ effects: [Aftermath.Task]) {
    for (exchange, effects) in effects { exchange.perform(effects) }
  }
}
