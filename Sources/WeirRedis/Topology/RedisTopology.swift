/// Knows which server to ask. There is one for each way to deploy Redis.
protocol RedisTopology: Sendable {
  /// The server that has a slot now, or any that takes commands where it is nil.
  /// - Returns: nil while none is known.
  func node(for slot: ClusterSlot?) -> RedisNode?

  /// A server said that `slot` is at `address` now, or, where that is nil, that this one command is to go there.
  /// - Returns: The server there; nil where it is not to be followed.
  func follow(_ address: RedisAddress, moved slot: ClusterSlot?, from node: RedisNode) -> RedisNode?

  /// Whether commands with any key can be sent.
  var isReady: Bool { get }

  /// Looks who is where, again and again, until the task is cancelled.
  func run() async
}
