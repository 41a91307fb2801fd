import Foundation
import RedisTestSupport
import Testing
import WeirRedis

/// A primary, a replica and a Sentinel that watches both.
struct RedisWithSentinel: Sendable {
  let first: RedisServer
  let second: RedisServer
  let sentinel: RedisServer

  static func with(_ body: (RedisWithSentinel) async throws -> Void) async throws {
    try await RedisServer.with(.init(more: ["--repl-diskless-sync-delay", "0"])) { first in
      await eventually("it does not start") { (try? await first.cli(["ping"])) == "PONG\n" }
      let replica = ["--replicaof", "127.0.0.1", "\(first.port)", "--repl-diskless-sync-delay", "0"]
      try await RedisServer.with(.init(more: replica)) { second in
        await eventually("the replica does not follow") {
          (try? await second.cli(["info", "replication"]))?.contains("master_link_status:up") == true
        }
        let file = """
          sentinel monitor weir 127.0.0.1 \(first.port) 1
          sentinel down-after-milliseconds weir 500
          sentinel failover-timeout weir 3000
          """
        try await RedisServer.with(.init(sentinelFile: file)) { sentinel in
          await eventually("the sentinel finds no replica") {
            (try? await sentinel.cli(["sentinel", "master", "weir"]))?.contains("num-slaves\n1\n") == true
          }
          try await body(RedisWithSentinel(first: first, second: second, sentinel: sentinel))
        }
      }
    }
  }

  /// `others` are asked before the real one.
  func configuration(others: [RedisEndpoint] = []) -> RedisConfiguration {
    var configuration = RedisConfiguration(.sentinel(primary: "weir", sentinels: others + [sentinel.endpoint]))
    patiently(&configuration)
    return configuration
  }
}
