/// Where a purge counts.
package enum PurgeReach: Sendable, Equatable {
  /// In this process: Redis was not reached. It is told at the next contact, as long as this process runs.
  case replica
  /// In Redis and in every replica that is in the fleet, but for these, each with its address (empty where it has none): they have not said that
  /// they know of it. They will when they hear of Redis again; until then they give what they have in memory.
  case redis(unheard: [ReplicaID: String])
}
