internal import WeirCore
internal import WeirJSON

/// `query_costs` of one scope, as one request where the members differ in one thing: the values of one dimension that is grouped by, the sums
/// that are asked for, or the days. The tool answers with 100 rows at most and does not say that it left some out, so that an answer of so many
/// is none; ranges stay within what the service answers without cutting them.
struct AzureCostMerge: MergeRule {
  enum Axis: Sendable, Equatable {
    /// The values of the leaf at this index.
    case values(Int)
    case aggregations
    case days
  }

  struct Merged: Sendable {
    let query: AzureCostQuery
    let axis: Axis
    let from: CivilDate
    let to: CivilDate
    let aggregations: [AzureCostQuery.Aggregation]
    let grouping: [AzureCostQuery.Grouping]
    let leaves: [AzureCostQuery.Leaf]
  }

  /// Rows of an answer; as many may be fewer than there are.
  static let maxRows = 100

  /// Nil for what is asked alone: days to come, which the service cuts off, and ranges beyond those that it answers whole.
  static func call(_ query: AzureCostQuery, today: CivilDate) -> MergeableCall? {
    guard query.to <= today, fits(query.granularity, query.from, query.to) else { return nil }
    var writer = JSONWriter()
    writer.beginArray()
    for text in ["query_costs", query.scope.string, query.type.string, query.granularity.rawValue] { writer.value(text) }
    writer.endArray()
    return MergeableCall(group: writer.bytes, rule: AzureCostMerge(), query: query)
  }

  func canMerge(_ one: AzureCostQuery, _ other: AzureCostQuery) -> Bool { merge([one, other], within: MergeLimits()) != nil }

  func merge(_ queries: [AzureCostQuery], within limits: MergeLimits) -> Merged? {
    guard let first = queries.first, let axis = Self.axis(of: queries) else { return nil }
    switch axis {
    case .values(let index): return Self.merge(queries, valuesAt: index, limits)
    case .aggregations:
      var union: [AzureCostQuery.Aggregation] = []
      for aggregation in queries.flatMap(\.aggregations) where !union.contains(aggregation) { union.append(aggregation) }
      guard union.count <= 2, Set(union.map(\.column)).count == union.count, Set(union.map(\.alias)).count == union.count else { return nil }
      // The columns come in the order in which the sums were asked for.
      guard queries.allSatisfy({ query in union.filter(query.aggregations.contains) == query.aggregations }) else { return nil }
      return Merged(
        query: first, axis: axis, from: first.from, to: first.to, aggregations: union, grouping: first.grouping, leaves: first.leaves)
    case .days:
      let sorted = queries.sorted { $0.from < $1.from }
      var end = sorted[0].to
      for query in sorted {
        guard query.from <= end + 1 else { return nil }
        end = max(end, query.to)
      }
      guard Self.fits(first.granularity, sorted[0].from, end), end.days - sorted[0].from.days + 1 < min(limits.rows, Self.maxRows) else { return nil }
      return Merged(
        query: first, axis: axis, from: sorted[0].from, to: end, aggregations: first.aggregations, grouping: first.grouping, leaves: first.leaves)
    }
  }

  func arguments(of merged: Merged) -> [UInt8] {
    merged.query.arguments(
      from: merged.from, to: merged.to, aggregations: merged.aggregations, grouping: merged.grouping, leaves: merged.leaves)
  }

  func split(_ result: JSONValue, of merged: Merged, for member: AzureCostQuery) -> [UInt8]? {
    guard let body = AnswerBody(result) else { return nil }
    var counts: Set<Int> = []
    for value in body.values {
      guard let part = AzureCostPart(value, of: merged, for: member), part.isWhole else { return nil }
      counts.insert(part.kept.count)
    }
    guard counts.count == 1 else { return nil }
    return body.changed { value in AzureCostPart(value, of: merged, for: member)?.changes }
  }

  // MARK: Queries

  private static func axis(of queries: [AzureCostQuery]) -> Axis? {
    guard let first = queries.first else { return nil }
    let others = queries.dropFirst()
    guard others.allSatisfy({ $0.scope == first.scope && $0.type == first.type && $0.granularity == first.granularity }) else { return nil }
    guard others.allSatisfy({ $0.grouping == first.grouping && $0.others == first.others }) else { return nil }
    let areDaysEqual = others.allSatisfy {
      $0.from == first.from && $0.to == first.to && $0.fromTime == first.fromTime && $0.toTime == first.toTime
    }
    let areSumsEqual = others.allSatisfy { $0.aggregations == first.aggregations }
    let areLeavesEqual = others.allSatisfy { $0.leaves == first.leaves }
    switch (areDaysEqual, areSumsEqual, areLeavesEqual) {
    case (true, true, false): return valuesAxis(of: queries)
    case (true, false, true): return .aggregations
    case (false, true, true): return areWholeDays(queries) ? .days : nil
    default: return nil
    }
  }

  private static func valuesAxis(of queries: [AzureCostQuery]) -> Axis? {
    let first = queries[0]
    guard queries.allSatisfy({ $0.leaves.map(\.dimension) == first.leaves.map(\.dimension) }) else { return nil }
    let differing = first.leaves.indices.filter { index in queries.contains { $0.leaves[index] != first.leaves[index] } }
    guard differing.count == 1, let index = differing.first else { return nil }
    let dimension = first.leaves[index].dimension
    guard first.leaves.count(where: { $0.dimension == dimension }) == 1 else { return nil }
    let isGrouped = first.grouping.contains { $0.name == dimension && $0.type == "Dimension" }
    guard isGrouped || (first.grouping.count < 2 && !first.grouping.contains { $0.name == dimension }) else { return nil }
    // What is not grouped by would have to be summed over several values.
    return isGrouped || queries.allSatisfy { $0.leaves[index].values.count == 1 } ? .values(index) : nil
  }

  private static func merge(_ queries: [AzureCostQuery], valuesAt index: Int, _ limits: MergeLimits) -> Merged? {
    let first = queries[0]
    let values = Set(queries.flatMap { $0.leaves[index].values }).sorted()
    guard values.count <= limits.values, Set(values.map(\.withoutCase)).count == values.count else { return nil }
    // The least number of rows, when every value has one in every bucket.
    guard values.count * buckets(first) < min(limits.rows, maxRows) else { return nil }
    let dimension = first.leaves[index].dimension
    var leaves = first.leaves
    leaves[index] = AzureCostQuery.Leaf(dimension: dimension, values: values)
    let isGrouped = first.grouping.contains { $0.name == dimension }
    let grouping = isGrouped ? first.grouping : first.grouping + [AzureCostQuery.Grouping(type: "Dimension", name: dimension)]
    return Merged(
      query: first, axis: .values(index), from: first.from, to: first.to, aggregations: first.aggregations, grouping: grouping, leaves: leaves)
  }

  private static func buckets(_ query: AzureCostQuery) -> Int {
    switch query.granularity {
    case .none: 1
    case .daily: query.to.days - query.from.days + 1
    case .monthly: query.months
    }
  }

  /// Days are told apart by the column that a daily answer has; its first and last are whole.
  private static func areWholeDays(_ queries: [AzureCostQuery]) -> Bool {
    queries.allSatisfy { query in
      query.granularity == .daily && query.fromTime == queries[0].fromTime && query.toTime == queries[0].toTime
        && query.fromTime.string.hasPrefix("T00:00:00") && query.toTime.string.hasPrefix("T23:59:59")
    }
  }

  /// A daily range is cut to 31 days, any other to 12 months.
  private static func fits(_ granularity: AzureCostQuery.Granularity, _ from: CivilDate, _ to: CivilDate) -> Bool {
    granularity == .daily ? to.days - from.days < 31 : AzureCostQuery.months(from, to) <= 12
  }
}
