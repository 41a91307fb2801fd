import Foundation
import RedisTestSupport
import Testing
import WeirRedis

/// A cluster of real servers on loopback: three primaries, and a replica of each where a test wants failovers.
struct RedisCluster: Sendable {
  let servers: [RedisServer]
  var primaries: [RedisServer] { Array(servers.prefix(3)) }
  var seeds: [RedisEndpoint] { servers.map(\.endpoint) }

  static func with(replicas: Int = 0, _ body: (RedisCluster) async throws -> Void) async throws {
    try await start(3 * (1 + replicas), []) { servers in
      let cluster = RedisCluster(servers: servers)
      let addresses = servers.map { "127.0.0.1:\($0.port)" }
      _ = try await servers[0].cli(["--cluster", "create"] + addresses + ["--cluster-replicas", "\(replicas)", "--cluster-yes"])
      await eventually("the cluster is not formed") { await cluster.isWhole() }
      try await body(cluster)
    }
  }

  private static func start(_ count: Int, _ servers: [RedisServer], _ body: ([RedisServer]) async throws -> Void) async throws {
    if servers.count == count { return try await body(servers) }
    var options = RedisServer.Options()
    options.more = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", "\(try await RedisServer.freePort())"]
    options.more += ["--cluster-replica-validity-factor", "0", "--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0"]
    try await RedisServer.with(options) { server in
      await eventually("it does not start") { (try? await server.cli(["ping"])) == "PONG\n" }
      try await start(count, servers + [server], body)
    }
  }

  private func isWhole() async -> Bool {
    let signs = ["cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:\(servers.count)"]
    for server in servers {
      guard let info = try? await server.cli(["cluster", "info"]), signs.allSatisfy({ info.contains($0) }) else { return false }
    }
    return true
  }

  func configuration() -> RedisConfiguration {
    var configuration = RedisConfiguration(.cluster(seeds: [seeds[0]]))
    patiently(&configuration)
    return configuration
  }

  /// The server that has a slot, by its own word.
  func owner(of slot: Int) async throws -> RedisServer {
    for server in servers {
      let lines = try await server.cli(["cluster", "nodes"]).split(separator: "\n")
      guard let own = lines.first(where: { $0.contains("myself") && $0.contains("master") }) else { continue }
      let ranges = own.split(separator: " ").dropFirst(8).filter { !$0.hasPrefix("[") }.map { $0.split(separator: "-").compactMap { Int($0) } }
      if ranges.contains(where: { ($0.first ?? .max) <= slot && slot <= ($0.last ?? -1) }) { return server }
    }
    throw RedisServer.StartFailure(message: "nobody has slot \(slot)")
  }

  func id(of server: RedisServer) async throws -> String { try await server.cli(["cluster", "myid"]).trimmingCharacters(in: .newlines) }

  /// The slot's move begins: from now on its owner says ASK for keys that it has not.
  func beginMove(of slot: Int, from source: RedisServer, to target: RedisServer) async throws {
    _ = try await target.cli(["cluster", "setslot", "\(slot)", "importing", try await id(of: source)])
    _ = try await source.cli(["cluster", "setslot", "\(slot)", "migrating", try await id(of: target)])
  }

  func moveKeys(of slot: Int, from source: RedisServer, to target: RedisServer) async throws {
    let keys = try await source.cli(["cluster", "getkeysinslot", "\(slot)", "10000"]).split(separator: "\n").map(String.init)
    for key in keys { _ = try await source.cli(["migrate", "127.0.0.1", "\(target.port)", key, "0", "5000"]) }
  }

  func endMove(of slot: Int, from source: RedisServer, to target: RedisServer) async throws {
    let id = try await id(of: target)
    for server in [target, source] + primaries { _ = try await server.cli(["cluster", "setslot", "\(slot)", "node", id]) }
  }
}
