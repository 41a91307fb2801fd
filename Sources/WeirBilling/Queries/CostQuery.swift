internal import WeirCore
internal import WeirJSON

/// What a call of `getCostAndUsage` asks, with every default written out: two calls have the same query exactly where they mean the same and
/// are written in ways that are known to mean the same.
struct CostQuery: Hashable, Sendable {
  var period: CostPeriod
  /// Sorted, none twice.
  var metrics: [CostMetric]
  /// In the order that the answer's keys have.
  var groups: [CostKey]
  var filter: CostFilter?
  /// Nil for the account's primary view.
  var billingView: Name?

  /// The arguments of the call as JSON, members sorted: for the cache key.
  var canonical: [UInt8] { arguments(dated: true) { $0 } }

  /// The arguments to send. The lists and the filter are JSON texts: every version of the server takes them so, older ones nothing else.
  var sent: [UInt8] { arguments(dated: true) { JSONWriter.quoted(String(decoding: $0, as: UTF8.self)) } }

  /// The same without the range.
  var shape: [UInt8] { arguments(dated: false) { $0 } }

  /// For what is remembered of its sums.
  var sumShape: [UInt8] { Array("sums of ".utf8) + shape }

  /// More conditions have to hold than are worth looking at: that takes time that grows with their square and more. It is asked as it stands.
  var hasManyConditions: Bool { (filter?.conjuncts.count ?? 0) > 8 }

  private func arguments(dated: Bool, _ nested: ([UInt8]) -> [UInt8]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    if let billingView { writer.member("billing_view_arn", billingView.string) }
    if dated { writer.member("end_date", period.endText) }
    if let filter { writer.memberRaw("filter", nested(filter.json)) }
    writer.member("granularity", period.granularity.rawValue)
    if !groups.isEmpty { writer.memberRaw("group_by", nested(Self.list(groups.map(\.json)))) }
    writer.memberRaw("metrics", nested(Self.list(metrics.map { JSONWriter.quoted($0.rawValue) })))
    writer.member("operation", "getCostAndUsage")
    if dated { writer.member("start_date", period.startText) }
    writer.endObject()
    return writer.bytes
  }

  /// The conditions in whose place a group for each of their values could stand: on one value, or on any of a key that is grouped by already.
  var sliceable: [CostFilter.Leaf] {
    groupableConditions.filter { leaf in groups.contains(leaf.key) || (leaf.values?.count == 1 && groups.count < 2) }
  }

  /// The keys of which the filter lets several values through and that are not grouped by: costs of all of them together are asked for.
  var summedKeys: [CostKey] {
    groupableConditions.filter { leaf in (leaf.values?.count ?? 0) > 1 && !groups.contains(leaf.key) }.map(\.key)
  }

  private var groupableConditions: [CostFilter.Leaf] {
    guard let conditions = filter?.conjuncts, !hasManyConditions else { return [] }
    return conditions.compactMap { condition in
      guard case .leaf(let leaf) = condition, leaf.sliceValues != nil, leaf.key.isGroupable else { return nil }
      return leaf
    }
  }

  /// The same question about another value of a key.
  func with(_ leaf: CostFilter.Leaf, value: Name) -> CostQuery {
    var query = self
    let other = CostFilter.leaf(CostFilter.Leaf(key: leaf.key, values: [value], options: leaf.options))
    query.filter = CostFilter.all((filter?.conjuncts ?? []).map { $0 == .leaf(leaf) ? other : $0 })
    return query
  }

  private static func list(_ elements: [[UInt8]]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    for element in elements { writer.raw(element) }
    writer.endArray()
    return writer.bytes
  }
}
