/// Requests of one group that leave as one.
package protocol LaneBatch: Sendable {
  /// Takes `other`, which has the same group, into the batch. Called under the lane's lock, at most `LaneMachine.mostOffers` times a batch:
  /// must be quick and must not block.
  /// - Returns: false where the two do not go together, or the batch is full; it is then as it was.
  mutating func admit(_ other: any LaneCompanion) -> Bool
}
