internal import WeirCore

/// Waiting requests by group, so that whoever looks for company looks at nobody else.
struct CompanyIndex: Sendable {
  struct Member: Sendable {
    let id: WaiterID
    let rank: FairRank
  }

  /// The requests of each tenant in the order in which its line would serve them.
  private var groups: [LaneGroup: [Name: [Member]]] = [:]

  mutating func insert(_ member: Member, of tenant: Name, in group: LaneGroup) {
    var line = groups[group]?[tenant] ?? []
    // So that the line is not copied.
    groups[group, default: [:]][tenant] = nil
    line.insert(member, at: Self.position(of: member.rank, in: line))
    groups[group]?[tenant] = line
  }

  mutating func remove(_ rank: FairRank, of tenant: Name, in group: LaneGroup) {
    guard var line = groups[group]?[tenant] else { return }
    groups[group]?[tenant] = nil
    let position = Self.position(of: rank, in: line)
    if position < line.count, line[position].rank == rank { line.remove(at: position) }
    if !line.isEmpty {
      groups[group]?[tenant] = line
    } else if groups[group]?.isEmpty ?? false {
      groups[group] = nil
    }
  }

  /// The first `limit` members of a group in fair order: one of each tenant after the other, that of the earliest deadline first, as
  /// often as there are any.
  func members(of group: LaneGroup, limit: Int) -> [WaiterID] {
    guard let lines = groups[group] else { return [] }
    var order = lines.values.filter { !$0.isEmpty }.sorted { $0[0].rank < $1[0].rank }
    var members: [WaiterID] = []
    var round = 0
    while !order.isEmpty {
      for line in order {
        guard members.count < limit else { return members }
        members.append(line[round].id)
      }
      round += 1
      order.removeAll { $0.count == round }
    }
    return members
  }

  /// Where `rank` stands or would stand.
  private static func position(of rank: FairRank, in line: [Member]) -> Int {
    var (low, high) = (0, line.count)
    while low < high {
      let middle = (low + high) / 2
      if line[middle].rank < rank { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
