internal import DequeModule
internal import NIOConcurrencyHelpers

/// What a subscriber learns. Messages are delivered at most once; that some may be missing is said, so that whoever relies on them looks for
/// himself until `ready`, and once then.
package enum RedisSubscriptionEvent: Sendable, Hashable {
  /// The server has confirmed: what is published from now on arrives.
  case ready
  case message([UInt8])
  /// Messages may have been lost, and may be until `ready`.
  case missed
}

/// Events of one channel, in order, for one reader. Ends the subscription when it is let go of.
package final class RedisSubscription: AsyncSequence, Sendable {
  package typealias Element = RedisSubscriptionEvent

  package struct AsyncIterator: AsyncIteratorProtocol {
    let subscription: RedisSubscription
    var wake: AsyncStream<Void>.AsyncIterator

    /// - Returns: nil once the task is cancelled.
    package mutating func next(isolation actor: isolated (any Actor)?) async -> RedisSubscriptionEvent? {
      while true {
        if let event = subscription.mailbox.take() { return event }
        guard await wake.next(isolation: actor) != nil else { return nil }
      }
    }
  }

  let mailbox: SubscriptionMailbox
  private let end: @Sendable () -> Void

  init(mailbox: SubscriptionMailbox, end: @escaping @Sendable () -> Void) {
    self.mailbox = mailbox
    self.end = end
  }

  deinit { end() }

  /// True between `ready` and `missed`: while it is, messages need no look-out of one's own but for the rare one that is lost.
  package var isReady: Bool { mailbox.isReady }

  package func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(subscription: self, wake: mailbox.wake.stream.makeAsyncIterator())
  }
}

/// Events that wait for their reader; bounded.
final class SubscriptionMailbox: Sendable {
  private static let maxBytes = 1 << 20

  private struct State {
    var events: Deque<RedisSubscriptionEvent> = []
    var bytes = 0
    var isReady = false
  }

  let wake = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
  private let limit: Int
  private let state = NIOLockedValueBox(State())

  init(limit: Int) {
    self.limit = Swift.max(1, limit)
  }

  /// - Returns: False where the reader was too slow: all that waited is dropped, and it is told so.
  func put(_ event: RedisSubscriptionEvent) -> Bool {
    let hasRoom = state.withLockedValue { state in
      if event != .missed { state.isReady = true }
      if event == .missed { state.isReady = false }
      state.bytes += event.bytes
      state.events.append(event)
      guard state.events.count > limit || state.bytes > Self.maxBytes else { return true }
      state.events = state.isReady ? [.missed, .ready] : [.missed]
      state.bytes = 0
      return false
    }
    wake.continuation.yield()
    return hasRoom
  }

  func take() -> RedisSubscriptionEvent? {
    state.withLockedValue { state in
      guard let event = state.events.popFirst() else { return nil }
      state.bytes -= event.bytes
      return event
    }
  }

  var isReady: Bool { state.withLockedValue { $0.isReady } }
}

extension RedisSubscriptionEvent {
  fileprivate var bytes: Int { if case .message(let payload) = self { payload.count } else { 0 } }
}
