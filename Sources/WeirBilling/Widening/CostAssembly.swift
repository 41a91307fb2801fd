internal import WeirCore
internal import WeirJSON

/// The answer about one value of a key, grouped by another, put together from the answers that cut the same part of the bill the other way: costs of
/// an account by service, from each service's costs by account. Which services there are is told by the list, the costs of all accounts by service.
/// Nothing is added up here: each row is one of the parts' rows under the list's name.
struct CostAssembly: AssemblyRule {
  let query: CostQuery
  private let group: CostKey
  private let key: CostKey
  private let value: Name
  private let rest: [CostFilter]
  private let metrics: [CostMetric]
  private let book: CostBook

  /// Nil for a query of another form.
  init?(_ query: CostQuery, _ leaf: CostFilter.Leaf, _ book: CostBook) {
    guard query.groups.count == 1, let group = query.groups.first, leaf.key != group, let value = leaf.values?.first, leaf.values?.count == 1 else {
      return nil
    }
    let rest = (query.filter?.conjuncts ?? []).filter { $0 != .leaf(leaf) }
    guard !rest.contains(where: { CostFilterUnion.isEntangled(leaf.key, with: $0) || CostFilterUnion.isEntangled(group, with: $0) }) else {
      return nil
    }
    self.query = query
    self.group = group
    self.key = leaf.key
    self.value = leaf.key.groupKey(of: value)
    self.rest = rest
    self.metrics = book.sizes.metrics.union(query.metrics).sorted()
    self.book = book
  }

  var list: any BucketRule {
    var list = query
    (list.filter, list.metrics) = (CostFilter.all(rest), metrics)
    return CostAndUsageBuckets(query: list, book: book)
  }

  func parts(_ list: JSONValue, of bucket: TimeBucket) -> [any BucketRule]? {
    guard let bucket = listed(list, bucket)?.buckets.first else { return nil }
    var parts: [any BucketRule] = []
    for row in bucket.groups {
      guard let name = group.value(ofGroup: row.keys[0]) else { return nil }
      parts.append(CostAndUsageBuckets(query: part(name), book: book))
    }
    return parts
  }

  func assemble(_ list: JSONValue, _ parts: [JSONValue], of bucket: TimeBucket) -> [UInt8]? {
    guard let answer = listed(list, bucket), let listed = answer.buckets.first, listed.groups.count == parts.count else { return nil }
    var rows: [[UInt8]] = []
    var kept: Set<Name> = []
    var isDerived = answer.frame.isDerived
    for (name, result) in zip(listed.groups, parts) {
      guard let value = group.value(ofGroup: name.keys[0]), let other = CostAnswer(result, to: over(bucket, part(value))),
        let part = other.buckets.first, part.period == listed.period, part.estimated.bool == listed.estimated.bool
      else { return nil }
      let own = part.groups.filter { $0.keys[0] == self.value }
      guard own.count < 2 else { return nil }
      isDerived = isDerived || other.frame.isDerived
      guard let row = own.first else { continue }
      rows.append(row.with(keys: name.keyTexts, metrics: query.metrics))
      kept.insert(name.keys[0])
    }
    let attributes = group.kind == .dimension ? answer.attributes.filter { kept.contains($0.value) }.map(\.json) : []
    return answer.result(
      definitions: answer.definitions, buckets: [listed.with(total: Array("{}".utf8), groups: rows)], attributes: attributes, isDerived: isDerived)
  }

  /// The list, where the provider gives it in the order of its names: only then is the order of some of them known.
  private func listed(_ result: JSONValue, _ bucket: TimeBucket) -> CostAnswer? {
    var list = query
    (list.filter, list.metrics) = (CostFilter.all(rest), metrics)
    guard let answer = CostAnswer(result, to: over(bucket, list)), let groups = answer.buckets.first?.groups, answer.buckets.count == 1 else {
      return nil
    }
    return zip(groups, groups.dropFirst()).allSatisfy { $0.keys[0] < $1.keys[0] } ? answer : nil
  }

  private func part(_ name: Name) -> CostQuery {
    var part = query
    part.groups = [key]
    part.filter = CostFilter.all(rest + [.leaf(CostFilter.Leaf(key: group, values: [name], options: []))])
    part.metrics = metrics
    return part
  }

  private func over(_ bucket: TimeBucket, _ query: CostQuery) -> CostQuery {
    var query = query
    query.period = CostPeriod(query.period.granularity, from: bucket.start, to: bucket.end)
    return query
  }
}
