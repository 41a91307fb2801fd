/// Those whom a head takes along.
package struct LaneParty: Sendable, Equatable {
  package struct Member: Sendable {
    package let id: WaiterID
    package let companion: any LaneCompanion
  }

  /// The head and all members.
  package internal(set) var batch: any LaneBatch
  /// Without the head, in the order in which the batch admitted them.
  package internal(set) var members: [Member] = []

  init(_ companion: any LaneCompanion) {
    self.batch = companion.batch()
  }

  /// A waiter is in one party at most, so the same waiters are the same party.
  package static func == (left: LaneParty, right: LaneParty) -> Bool {
    left.members.map(\.id) == right.members.map(\.id)
  }
}
