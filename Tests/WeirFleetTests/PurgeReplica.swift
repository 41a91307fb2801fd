import WeirCache
import WeirCore
import WeirRedis
import WeirTestSupport

@testable import WeirFleet

/// One replica, as far as purges are concerned.
struct PurgeReplica: Sendable {
  static let keys = FleetKeys(prefix: "test")

  let id = ReplicaID.random()
  let purges: FleetPurges
  let store: TieredStore<[UInt8]>
  private let client: RedisClient

  var marks: PurgeMarks { purges.marks }

  init(_ client: RedisClient, time: any TimeSource = ManualTime()) {
    self.client = client
    purges = FleetPurges(id: id, marks: PurgeMarks(isMirror: true), client: client, keys: Self.keys, time: time, patience: .seconds(30))
    store = TieredStore<[UInt8]>(
      memory: MemoryStore(limits: MemoryLimits(maxBytes: 1 << 20, maxEntryBytes: 1 << 16), cores: 1, purges: purges.marks),
      shared: RedisSharedStore(client: client, keys: Self.keys, purges: purges), time: time, encode: { $0 }, decode: { $0 })
  }

  /// Looks, as it does each second.
  func look() async { _ = await purges.purge([]) }

  /// Looks, and never hears what Redis says.
  func lookInVain() async throws {
    let arguments = PurgeScript.arguments(marks.question, of: id, channel: Self.keys.channel("purges"), most: 1024)
    _ = try await client.evaluate(PurgeScript.script, keys: PurgeScript.keys(Self.keys), arguments: arguments)
  }

  /// What Redis has of a mark, or of `clock` or `epoch`.
  static func score(_ member: String, _ client: RedisClient) async throws -> Int64? {
    guard case .bulk(let digits?) = try await client.send(RedisCommand("ZSCORE", keys.part("purges"), Array(member.utf8))) else { return nil }
    return Int64(String(decoding: digits, as: UTF8.self))
  }
}
