/// What a client did and is doing, for metrics.
package struct RedisStats: Sendable, Hashable {
  package enum State: String, Sendable, CaseIterable {
    /// No connection is up.
    case connecting
    /// Commands go through.
    case ready
    /// The circuit breaker is open: commands fail at once.
    case open
  }

  package var state = State.connecting
  /// Connections that are up.
  package var connections = 0
  /// Requests given to `send` and `pipeline`, refused ones included.
  package var requests: UInt64 = 0
  /// Commands in them.
  package var commands: UInt64 = 0
  /// Failed requests by kind. Failed attempts to connect count under their kinds, too.
  package var failures: [RedisError.Code: UInt64] = [:]
  /// Replies that came for a caller who no longer waited, and were thrown away.
  package var discardedReplies: UInt64 = 0
  /// Connections made after one was lost.
  package var reconnects: UInt64 = 0
  /// How often the breaker opened from closed.
  package var breakerOpenings: UInt64 = 0
  /// Requests whose replies are still to come, abandoned ones included.
  package var pending = 0
  /// Servers that are asked: one, or those of a cluster.
  package var servers = 0
  /// How often a server sent a command elsewhere (`MOVED`, `ASK`) or to try again (`TRYAGAIN`).
  package var redirections: UInt64 = 0
  /// How often another primary took over, or slots moved, as far as was noticed.
  package var topologyChanges: UInt64 = 0
  /// Messages that came for subscriptions.
  package var messages: UInt64 = 0
  /// How often messages may have been missed: the subscribing connection was lost, or a reader did not keep up.
  package var missedMessages: UInt64 = 0

  package init() {}

  package var timeouts: UInt64 { failures[.timedOut, default: 0] }
}
