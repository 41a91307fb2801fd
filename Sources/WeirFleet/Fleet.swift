internal import WeirCache
package import WeirCore
package import WeirRedis

/// What makes several replicas act as one, through one Redis.
package struct Fleet: Sendable {
  package let id: ReplicaID
  package let client: RedisClient
  package let keys: FleetKeys
  package let roster: Roster
  package let store: RedisSharedStore
  package let leases: RedisLeases
  package let purges: FleetPurges
  package let sessions: SessionBoard

  /// - Parameter address: `host:port` at which other replicas reach this one; nil where they do not.
  package init(client: RedisClient, prefix: String, address: String? = nil, time: any TimeSource) {
    id = .random()
    keys = FleetKeys(prefix: prefix)
    self.client = client
    roster = Roster(id: id, address: address, client: client, keys: keys, time: time)
    let clock: @Sendable () -> Int64? = { [roster] in roster.redisClock(at: time.now()) }
    leases = RedisLeases(id: id, client: client, keys: keys, time: time, clock: clock)
    purges = FleetPurges(id: id, marks: PurgeMarks(isMirror: true), client: client, keys: keys, time: time)
    store = RedisSharedStore(client: client, keys: keys, purges: purges, clock: clock)
    sessions = SessionBoard(client: client, keys: keys, time: time)
  }

  /// Takes part in the fleet until cancelled. The Redis client has to run.
  package func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.roster.run() }
      group.addTask { await self.leases.run() }
      group.addTask { await self.purges.run() }
      group.addTask { await self.sessions.run() }
    }
  }

  /// Says goodbye; to be called when `run` has returned, while the Redis client still runs.
  package func leave() async {
    await leases.leave()
    await roster.leave()
  }
}
