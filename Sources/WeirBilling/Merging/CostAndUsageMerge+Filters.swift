internal import WeirCore

/// Filters that differ in the values of one key alone, as one filter.
struct CostFilterUnion {
  let key: CostKey
  /// What all have in common, and the values of all.
  let filter: CostFilter?
  /// Every one of them asks for one value.
  let isOneValueEach: Bool

  /// From what has to hold in each of them. Nil where they differ in anything else, or where the groups of the key would not be the slices that
  /// the filters make: options other than the default, no value (which stands for costs without the tag), a second condition on the key, or one
  /// on groups of its values.
  init?(_ filters: [[CostFilter]]) {
    guard let first = filters.first else { return nil }
    let common = filters.dropFirst().reduce(Set(first)) { $0.intersection($1) }
    var leaves: [CostFilter.Leaf] = []
    for filter in filters {
      let rest = filter.filter { !common.contains($0) }
      guard rest.count == 1, case .leaf(let leaf) = rest[0] else { return nil }
      leaves.append(leaf)
    }
    guard let key = leaves.first?.key, key.isGroupable, leaves.allSatisfy({ $0.key == key }) else { return nil }
    guard !common.contains(where: { Self.isEntangled(key, with: $0) }) else { return nil }
    let lists = leaves.compactMap(\.sliceValues)
    guard lists.count == leaves.count, lists.allSatisfy({ list in list.allSatisfy { !$0.string.isEmpty } }) else { return nil }
    self.key = key
    let union = CostFilter.Leaf(key: key, values: Set(lists.joined()).sorted(), options: [])
    self.filter = CostFilter.all(common + [.leaf(union)])
    self.isOneValueEach = lists.allSatisfy { $0.count == 1 }
  }

  /// Whether the condition says something of the key, or of groups of its values.
  static func isEntangled(_ key: CostKey, with filter: CostFilter) -> Bool {
    filter.mentions(key) || (key == .dimension("USAGE_TYPE") && filter.mentions(.dimension("USAGE_TYPE_GROUP")))
  }
}

extension CostFilter {
  /// The values of the only condition on the key that has to hold, in the default way of matching.
  func slice(by key: CostKey) -> [Name]? {
    for case .leaf(let leaf) in conjuncts where leaf.key == key { return leaf.sliceValues }
    return nil
  }
}
