internal import WeirCore
internal import WeirJSON

extension CostAndUsageMerge {
  func split(_ result: JSONValue, of merged: Merged, for member: CostQuery) -> [UInt8]? {
    Self.split(result: result, of: merged, for: member, currency: book.sizes.currency)
  }

  /// - Parameter currency: that of the bill, where it is known.
  static func split(result: JSONValue, of merged: Merged, for member: CostQuery, currency: Name?) -> [UInt8]? {
    guard let answer = CostAnswer(result, to: merged.query), let slice = CostSlice(answer, of: merged, for: member, currency) else { return nil }
    return slice.result()
  }
}

/// What one member gets of the answer of a merged call.
private struct CostSlice {
  let answer: CostAnswer
  let merged: CostAndUsageMerge.Merged
  let member: CostQuery
  /// The position of the key that is sliced by, and what stands there in the member's groups.
  let position: Int
  let wanted: Set<Name>?
  let buckets: [CostAnswer.Bucket]
  let currency: Name?

  init?(_ answer: CostAnswer, of merged: CostAndUsageMerge.Merged, for member: CostQuery, _ currency: Name?) {
    self.answer = answer
    self.currency = currency
    self.merged = merged
    self.member = member
    buckets = answer.buckets.filter { $0.period.start >= member.period.start && $0.period.end <= member.period.end }
    guard buckets.first?.period.start == member.period.start, buckets.last?.period.end == member.period.end else { return nil }
    guard let key = merged.key else {
      (position, wanted) = (0, nil)
      return
    }
    guard let position = merged.query.groups.firstIndex(of: key) else { return nil }
    let values = member.filter?.slice(by: key)
    guard values != nil || merged.addsUp else { return nil }
    self.position = position
    wanted = values.map { Set($0.map(key.groupKey)) }
    guard let all = merged.query.filter?.slice(by: key) else { return }
    // A group that nobody asked for: the values of the filter are not the names of the groups.
    let known = Set(all.map(key.groupKey))
    guard answer.buckets.allSatisfy({ bucket in bucket.groups.allSatisfy { known.contains($0.keys[position]) } }) else { return nil }
  }

  func result() -> [UInt8]? {
    guard let attributes = attributes() else { return nil }
    var texts: [[UInt8]] = []
    texts.reserveCapacity(buckets.count)
    for bucket in buckets {
      guard let text = text(of: bucket) else { return nil }
      texts.append(text)
    }
    var definitions = answer.definitions
    if merged.isKeyAdded { definitions.remove(at: position) }
    return answer.result(definitions: definitions, buckets: texts, attributes: attributes, isDerived: merged.addsUp)
  }

  private func rows(of bucket: CostAnswer.Bucket) -> [CostAnswer.Group] {
    guard let wanted else { return bucket.groups }
    return bucket.groups.filter { wanted.contains($0.keys[position]) }
  }

  private func text(of bucket: CostAnswer.Bucket) -> [UInt8]? {
    let rows = rows(of: bucket)
    if merged.addsUp { return sums(of: rows).map { bucket.with(total: $0.total, groups: $0.groups) } }
    guard member.groups.isEmpty else {
      return bucket.with(total: Array("{}".utf8), groups: rows.map { $0.with(metrics: member.metrics, droppingFirstKey: merged.isKeyAdded) })
    }
    guard merged.isKeyAdded else { return bucket.with(total: bucket.total.object(of: member.metrics), groups: []) }
    guard rows.count < 2, let total = rows.first?.metrics.object(of: member.metrics) ?? zero() else { return nil }
    return bucket.with(total: total, groups: [])
  }

  /// The rows without the key that was added, those of the same other key as one.
  private func sums(of rows: [CostAnswer.Group]) -> (total: [UInt8], groups: [[UInt8]])? {
    guard !member.groups.isEmpty else {
      return (rows.isEmpty ? zero() : CostSum.object(of: rows, member.metrics)).map { ($0, []) }
    }
    guard let groups = CostSum.groups(of: rows, by: 1 - position, member.metrics) else { return nil }
    return (Array("{}".utf8), groups)
  }

  /// The total of no costs: the unit and the order of the metrics are those that the answer has everywhere; in an answer without a single cost the
  /// unit is the currency of the bill. Usage has no unit then that could be told.
  private func zero() -> [UInt8]? {
    guard member.metrics.allSatisfy(\.isMoney) else { return nil }
    let groups = answer.buckets.lazy.flatMap(\.groups)
    guard let pattern = groups.first?.metrics.filter({ member.metrics.contains($0.metric) }) else {
      return member.metrics.count == 1 ? currency.map { Self.zero([(member.metrics[0], $0)]) } : nil
    }
    var units: [CostMetric: Name] = [:]
    for metric in pattern { units[metric.metric] = metric.unit }
    guard groups.allSatisfy({ $0.metrics.allSatisfy { units[$0.metric] == nil || units[$0.metric] == $0.unit } }) else { return nil }
    return Self.zero(pattern.map { ($0.metric, $0.unit) })
  }

  private static func zero(_ metrics: [(metric: CostMetric, unit: Name)]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    for (metric, unit) in metrics {
      writer.key(metric.rawValue)
      writer.beginObject()
      writer.member("Amount", "0")
      writer.member("Unit", unit.string)
      writer.endObject()
    }
    writer.endObject()
    return writer.bytes
  }

  /// Of the values that are left. Nil where a value may be meant by the key that is not there any more.
  private func attributes() -> [JSONValue]? {
    let rows = buckets.flatMap(rows)
    let kept = CostAnswer.dimensionValues(of: rows, member.groups, from: merged.isKeyAdded && position == 0 ? 1 : 0)
    if merged.isKeyAdded, merged.key?.kind == .dimension,
      !kept.isDisjoint(with: Set(answer.buckets.flatMap { $0.groups.map { $0.keys[position] } })), !answer.attributes.isEmpty
    {
      return nil
    }
    return answer.attributes.filter { kept.contains($0.value) }.map(\.json)
  }
}

extension CostAnswer {
  /// What stands in the groups for their dimensions.
  static func dimensionValues(of rows: [Group], _ groups: [CostKey], from first: Int) -> Set<Name> {
    var values: Set<Name> = []
    for (position, group) in groups.enumerated() where group.kind == .dimension {
      for row in rows { values.insert(row.keys[first + position]) }
    }
    return values
  }
}
