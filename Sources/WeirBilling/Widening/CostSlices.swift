internal import WeirCore

/// How many rows a bucket has for one value of a key: what answers have shown, value by value. Pure and bounded.
struct CostSlices: Sendable {
  /// The answers that have one value of the key in each row: everything else about the query.
  private struct Slice: Hashable, Sendable {
    let granularity: CostPeriod.Granularity
    let key: CostKey
    let others: Set<CostKey>
    let conditions: CostFilter?
  }

  private var rows: [Slice: [Name: Double]] = [:]

  /// Of slices, and of values of each: more are forgotten all at once.
  private static let capacity = 1024

  /// - Parameter found: how often each value stood in the answer's groups, in the order of the query's groups.
  mutating func learn(_ query: CostQuery, buckets: Int, found: [[Name: Int]]) {
    guard buckets > 0, !query.hasManyConditions else { return }
    for (position, key) in query.groups.enumerated() {
      var others = Set(query.groups)
      others.remove(key)
      // What the filter lets through of the other keys must be all that there is.
      guard !others.isEmpty, !(query.filter?.conjuncts ?? []).contains(where: { filter in others.contains { filter.mentions($0) } }) else { continue }
      let slice = Slice(granularity: query.period.granularity, key: key, others: others, conditions: Self.rest(of: query, without: key))
      var counts = found[position].mapValues { Double($0) / Double(buckets) }
      for value in query.filter?.slice(by: key) ?? [] { counts[key.groupKey(of: value), default: 0] += 0 }
      learn(counts, of: slice)
    }
    for case .leaf(let leaf) in query.filter?.conjuncts ?? [] where !query.groups.contains(leaf.key) {
      guard let values = leaf.sliceValues, values.count == 1, !query.groups.isEmpty, let counts = found.first else { continue }
      let slice = Slice(
        granularity: query.period.granularity, key: leaf.key, others: Set(query.groups), conditions: Self.rest(of: query, without: leaf.key))
      let count = counts.values.reduce(0, +)
      learn([leaf.key.groupKey(of: values[0]): Double(count) / Double(buckets)], of: slice)
    }
  }

  private mutating func learn(_ counts: [Name: Double], of slice: Slice) {
    if rows[slice] == nil, rows.count >= Self.capacity { rows.removeAll() }
    if rows[slice]?.count ?? 0 > Self.capacity { rows[slice] = nil }
    // Too small an estimate costs requests: up at once, down slowly.
    for (value, count) in counts.prefix(Self.capacity) {
      rows[slice, default: [:]][value] = max(count, (rows[slice]?[value] ?? 0) * 0.95)
    }
  }

  /// The rows of a bucket of the query; nil where not all of its values have been seen.
  func rowsOfBucket(_ query: CostQuery) -> Double? {
    if query.hasManyConditions { return nil }
    for case .leaf(let leaf) in query.filter?.conjuncts ?? [] {
      guard let values = leaf.sliceValues, leaf.key.isGroupable, values.count == 1 || query.groups.contains(leaf.key) else { continue }
      var others = Set(query.groups)
      others.remove(leaf.key)
      let slice = Slice(
        granularity: query.period.granularity, key: leaf.key, others: others, conditions: Self.rest(of: query, without: leaf.key))
      guard let known = rows[slice] else { continue }
      let counts = values.compactMap { known[leaf.key.groupKey(of: $0)] }
      if counts.count == values.count { return max(1, counts.reduce(0, +)) }
    }
    return nil
  }

  private static func rest(of query: CostQuery, without key: CostKey) -> CostFilter? {
    CostFilter.all(
      (query.filter?.conjuncts ?? []).filter { condition in
        if case .leaf(let leaf) = condition, leaf.key == key, leaf.sliceValues != nil { return false }
        return true
      })
  }
}
