/// How Redis is deployed.
package enum RedisDeployment: Sendable, Hashable {
  /// One server, or one name for whatever stands behind it.
  case single(RedisEndpoint)
  /// A primary with replicas, to be asked for from Sentinels, which know it by its name.
  case sentinel(primary: String, sentinels: [RedisEndpoint])
  /// A Redis Cluster, found from any of these servers.
  case cluster(seeds: [RedisEndpoint])
}

/// How to reach Redis and how long to wait for it.
package struct RedisConfiguration: Sendable {
  package var deployment: RedisDeployment
  package var credentials = RedisCredentials()
  /// For the Sentinels, which have users of their own.
  package var sentinelCredentials = RedisCredentials()
  /// The number for `SELECT`. A cluster has only 0. Default 0.
  package var database = 0
  /// Nil for no TLS. Default nil.
  package var tls: RedisTLSFiles?
  /// What `CLIENT LIST` shows; nil for nothing. Default `weir`.
  package var clientName: String? = "weir"
  /// Pipelined connections to each server, each on an event loop of its own where there are enough. Default 2.
  package var connections = 2
  /// From `send` to the reply, redirections included. Default 75 ms.
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
  /// When to stop asking a server.
  package var breaker = CircuitBreaker.Settings()
  /// First and longest delay between attempts to connect. Default 50 ms and 2 s.
  package var shortestReconnectDelay: Duration = .milliseconds(50)
  package var longestReconnectDelay: Duration = .seconds(2)
  /// Between two looks at who is where, in a cluster or at the Sentinels: with reason, and without. Default 500 ms and 30 s.
  package var shortestRefresh: Duration = .milliseconds(500)
  package var regularRefresh: Duration = .seconds(30)
  /// Between two PINGs of the connection that subscribes, and from one to its answer. Default 1 s.
  package var subscriberPing: Duration = .seconds(1)
  /// Between two looks at a password that may change. Default 5 s.
  package var passwordCheck: Duration = .seconds(5)

  package init(_ deployment: RedisDeployment) {
    self.deployment = deployment
  }

  /// One server, with the user, password and database of its URL; TLS for `rediss`, with the system's certificate authorities.
  package init(url: RedisURL) {
    self.init(.single(url.endpoint))
    credentials.user = url.user
    if let password = url.password { credentials.password = .fixed(password) }
    database = url.database
    if url.usesTLS { tls = RedisTLSFiles() }
  }
}
