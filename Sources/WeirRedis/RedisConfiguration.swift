/// How to reach a Redis server and how long to wait for it.
package struct RedisConfiguration: Sendable {
  package var url: RedisURL
  /// PEM file with the certificate authorities to trust for `rediss`; nil for the system's.
  package var certificateAuthorityFile: String?
  /// What `CLIENT LIST` shows; nil for nothing. Default `weir`.
  package var clientName: String? = "weir"
  /// Pipelined connections, each on an event loop of its own where there are enough. Default 2.
  package var connections = 2
  /// From `send` to the reply. Default 75 ms.
  package var commandTimeout: Duration = .milliseconds(75)
  /// From the start of a connection until it is usable: name look-up, TCP, TLS, AUTH and the first PING together. Default 250 ms.
  package var connectTimeout: Duration = .milliseconds(250)
  /// For how long after its deadline the oldest command of a connection may stay unanswered before the connection is given up. Default 500 ms.
  package var silenceTolerance: Duration = .milliseconds(500)
  /// Requests given up (timed out or cancelled) and still unanswered on one connection before it is given up. Default 1,024.
  package var maxAbandoned = 1024
  /// Requests pending on one connection; more are refused with `overloaded`. Default 16,384.
  package var maxPending = 16_384
  /// Bytes of requests pending on one connection; more are refused with `overloaded`. Default 64 MiB.
  package var maxPendingBytes = 64 << 20
  /// What a reply may cost.
  package var replyLimits = RESPLimits()
  /// When to stop asking.
  package var breaker = CircuitBreaker.Settings()
  /// First and longest delay between attempts to connect. Default 50 ms and 2 s.
  package var shortestReconnectDelay: Duration = .milliseconds(50)
  package var longestReconnectDelay: Duration = .seconds(2)

  package init(url: RedisURL) {
    self.url = url
  }
}
