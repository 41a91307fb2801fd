import WeirFlow

/// What could leave together: requests of one group whose numbers differ, up to so many in a batch.
struct Companion: LaneCompanion {
  let group: LaneGroup
  let number: Int
  var mostMembers = 64

  init(_ number: Int, mostMembers: Int = 64) { self.init("g", number, mostMembers: mostMembers) }

  init(_ group: String, _ number: Int, mostMembers: Int = 64) {
    self.group = LaneGroup(bytes: Array(group.utf8))
    self.number = number
    self.mostMembers = mostMembers
  }

  func batch() -> any LaneBatch { Batch(first: self) }
}

/// Equal numbers do not go together.
struct Batch: LaneBatch {
  private(set) var members: [Companion]

  init(first: Companion) { members = [first] }

  var numbers: [Int] { members.map(\.number) }

  mutating func admit(_ other: any LaneCompanion) -> Bool {
    guard let other = other as? Companion, members.count < members[0].mostMembers, !numbers.contains(other.number) else { return false }
    members.append(other)
    return true
  }
}
