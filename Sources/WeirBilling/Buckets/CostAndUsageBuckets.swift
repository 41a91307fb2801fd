internal import WeirCore
internal import WeirJSON

/// `getCostAndUsage` by days or by months: each bucket of the answer is the answer of a call for it alone. A month of which a part was asked for
/// is a bucket of its own, another one than the whole month's.
struct CostAndUsageBuckets: BucketRule {
  let query: CostQuery
  let book: CostBook

  /// Nil for hours.
  static func call(_ query: CostQuery, _ book: CostBook, freshness: BucketFreshness) -> BucketedCall? {
    buckets(of: query).map { BucketedCall(buckets: $0, rule: CostAndUsageBuckets(query: query, book: book), freshness: freshness) }
  }

  static func buckets(of query: CostQuery) -> [TimeBucket]? {
    guard let days = query.period.days, query.period.bucketCount <= 5000 else { return nil }
    var buckets: [TimeBucket] = []
    var start = days.lowerBound
    while start < days.upperBound {
      let end = query.period.granularity == .monthly ? min(start.firstOfNextMonth, days.upperBound) : start + 1
      buckets.append(TimeBucket(start: start, end: end))
      start = end
    }
    return buckets
  }

  var shape: [UInt8] { query.shape }

  func call(from start: CivilDate, to end: CivilDate) -> BucketCall {
    let query = query(from: start, to: end)
    return BucketCall(keyArguments: query.canonical, sentArguments: query.sent, merging: CostAndUsageMerge.call(query, book))
  }

  func keyArguments(from start: CivilDate, to end: CivilDate) -> [UInt8] { query(from: start, to: end).canonical }

  func requests(buckets: Int) -> Int {
    let sizes = book.sizes
    return sizes.pages(ofRows: sizes.rows(query, buckets: buckets))
  }

  func isPaged(buckets: Int) -> Bool { book.sizes.isPaged(query, buckets: buckets) }

  func cut(_ result: JSONValue, into buckets: [TimeBucket]) -> [BucketAnswer]? {
    guard let first = buckets.first, let last = buckets.last else { return nil }
    guard let answer = CostAnswer(result, to: query(from: first.start, to: last.end)), answer.buckets.count == buckets.count else { return nil }
    return answer.buckets.map { bucket in
      let values = CostAnswer.dimensionValues(of: bucket.groups, query.groups, from: 0)
      let attributes = answer.attributes.filter { values.contains($0.value) }.map(\.json)
      return BucketAnswer(
        result: answer.result(definitions: answer.definitions, buckets: [bucket.value.raw], attributes: attributes),
        isEstimated: bucket.estimated.bool == true, isEmpty: bucket.groups.isEmpty && bucket.total.isEmpty)
    }
  }

  func join(_ answers: [JSONValue]) -> [UInt8]? {
    guard let calls = Self.buckets(of: query), calls.count == answers.count else { return nil }
    var parts: [CostAnswer] = []
    parts.reserveCapacity(answers.count)
    for (result, bucket) in zip(answers, calls) {
      guard let part = CostAnswer(result, to: query(from: bucket.start, to: bucket.end)), part.buckets.count == 1 else { return nil }
      parts.append(part)
    }
    // The provider would give that many rows in pages.
    guard parts.reduce(0, { $0 + max(1, $1.buckets[0].groups.count) }) <= book.sizes.page else { return nil }
    guard let first = parts.first, let attributes = Self.united(parts.map(\.attributes)) else { return nil }
    // One sum in it makes the whole a derived answer.
    let isDerived = parts.contains(where: \.frame.isDerived)
    let frame = first.frame.result(with: [], isDerived: isDerived)
    guard parts.allSatisfy({ $0.hasSameHead(as: first) && $0.frame.result(with: [], isDerived: isDerived) == frame }) else { return nil }
    return first.result(
      definitions: first.definitions, buckets: parts.flatMap { $0.buckets.map(\.value.raw) }, attributes: attributes, isDerived: isDerived)
  }

  func query(from start: CivilDate, to end: CivilDate) -> CostQuery {
    var query = query
    query.period = CostPeriod(query.period.granularity, from: start, to: end)
    return query
  }

  /// The attributes of all: where each list is in the order of the values, so is that of the whole; else only lists that are all the same have a
  /// known order.
  private static func united(_ lists: [[CostAnswer.Attribute]]) -> [JSONValue]? {
    var found: [Name: JSONValue] = [:]
    for attribute in lists.joined() {
      if let other = found[attribute.value], !other.rawBytes.elementsEqual(attribute.json.rawBytes) { return nil }
      found[attribute.value] = attribute.json
    }
    let orders = lists.filter { !$0.isEmpty }.map { $0.map(\.value) }
    guard orders.allSatisfy({ $0.count == Set($0).count }) else { return nil }
    if let first = orders.first, orders.allSatisfy({ $0 == first }) { return first.compactMap { found[$0] } }
    guard orders.allSatisfy({ $0 == $0.sorted() }) else { return nil }
    return found.sorted { $0.key < $1.key }.map(\.value)
  }
}

extension CostAnswer {
  /// Whether the definitions are written the same, and both tell of attributes or neither.
  fileprivate func hasSameHead(as other: CostAnswer) -> Bool {
    definitions.map(\.raw) == other.definitions.map(\.raw)
      && (frame.data["DimensionValueAttributes"] == nil) == (other.frame.data["DimensionValueAttributes"] == nil)
  }
}
