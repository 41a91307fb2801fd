internal import WeirCore

/// How large answers of `getCostAndUsage` are: what answers have shown so far, and before that what an organization commonly has. It decides
/// what is worth asking, never what an answer says. Pure and bounded; `CostBook` keeps it.
struct CostSizes: Sendable {
  /// Queries whose answers are of a size: those that differ in nothing but values, ranges and metrics. A key that is grouped by and filtered by
  /// counts as filtered by; its rows are counted for each of its values.
  private struct Pattern: Hashable, Sendable {
    let granularity: CostPeriod.Granularity
    var groups: Set<CostKey>
    /// Keys of which the filter lets one value through, or of which each row has one.
    var single: Set<CostKey> = []
    /// The rest of the filter.
    var rest: [CostFilter] = []
  }

  /// Rows of a page of Cost Explorer, which is not documented: a guess, until an answer had more, or a first page shows it.
  private(set) var page = 5000
  private var isPageKnown = false
  /// The metrics of money that have been asked for.
  private(set) var metrics: Set<CostMetric> = []
  private var rows: [Pattern: Int] = [:]
  private var names: [CostKey: Set<Name>] = [:]
  /// Wider queries that were of no use, without their range, and the day on which that was seen.
  private var refused: [[UInt8]: CivilDate] = [:]

  /// Of patterns, of names of a key, and of refusals: more are forgotten all at once.
  private static let capacity = 4096

  // MARK: What is learned

  /// - Parameters:
  ///   - buckets: how many rows each bucket of the answer has.
  ///   - isPaged: the answer goes on on another page.
  ///   - found: the values that stood in the answer's groups, in the order of the query's groups.
  mutating func learn(_ query: CostQuery, rowsOfBuckets buckets: [Int], isPaged: Bool, found: [Set<Name>]) {
    metrics.formUnion(query.metrics.filter(\.isMoney))
    let count = buckets.reduce(0) { $0 + max(1, $1) }
    page = isPaged ? max(1, count) : max(page, count)
    isPageKnown = isPageKnown || isPaged
    for (key, values) in zip(query.groups, found) {
      names[key, default: []].formUnion(values)
      if names[key]?.count ?? 0 > Self.capacity { names[key] = values.count > Self.capacity ? [] : values }
    }
    guard !isPaged, !query.groups.isEmpty, let most = buckets.max() else { return }
    let (pattern, units) = Self.pattern(of: query)
    let latest = max(1, (most + units - 1) / units)
    if rows.count >= Self.capacity { rows.removeAll() }
    // Downwards slowly: an estimate that is too small costs a request.
    rows[pattern] = max(latest, (rows[pattern] ?? 0) * 3 / 4)
  }

  mutating func refuse(_ shape: [UInt8], on day: CivilDate) {
    if refused.count >= Self.capacity { refused.removeAll() }
    refused[shape] = day
  }

  func isRefused(_ shape: [UInt8], on day: CivilDate) -> Bool { refused[shape] == day }

  /// Whether groups have been seen under these very names: the values of a filter may be spelled in another way.
  func knows(_ values: [Name], of key: CostKey) -> Bool { names[key].map { seen in values.allSatisfy { seen.contains(key.groupKey(of: $0)) } } ?? false }

  // MARK: Estimates

  /// Groups times buckets.
  func rows(_ query: CostQuery) -> Int { rows(query, buckets: query.period.bucketCount) }

  func rows(_ query: CostQuery, buckets: Int) -> Int {
    let rows = rowsOfBucket(query).multipliedReportingOverflow(by: buckets)
    return rows.overflow ? .max : rows.partialValue
  }

  func pages(_ query: CostQuery) -> Int { pages(ofRows: rows(query)) }

  func pages(ofRows rows: Int) -> Int { max(1, rows / page + (rows % page == 0 ? 0 : 1)) }

  /// Whether it is known that so many buckets come in pages.
  func isPaged(_ query: CostQuery, buckets: Int) -> Bool {
    let (pattern, units) = Self.pattern(of: query)
    guard isPageKnown, let known = rows[pattern] else { return false }
    return Self.product(known, units, buckets) > Self.product(page, 10) / 9
  }

  /// Whether so many rows will hardly be more than a page.
  func fitsPage(_ rows: Int) -> Bool { rows <= max(1, page - page / 10) }

  func rowsOfBucket(_ query: CostQuery) -> Int {
    guard !query.groups.isEmpty else { return 1 }
    let most = query.groups.reduce(1) { Self.product($0, values(of: $1, in: query)) }
    let (pattern, units) = Self.pattern(of: query)
    if let known = rows[pattern] { return min(most, Self.product(known, units)) }
    // What one value of a key has, times its values.
    let bySlices = query.groups.compactMap { key -> Int? in
      guard pattern.groups.contains(key) else { return nil }
      var slice = pattern
      slice.groups.remove(key)
      slice.single.insert(key)
      return rows[slice].map { Self.product($0, values(of: key, in: query), units) }
    }
    return min(most, bySlices.min() ?? most)
  }

  /// As many as the filter lets through, else as many as have been seen, else as many as an organization commonly has.
  private func values(of key: CostKey, in query: CostQuery) -> Int {
    if let values = query.filter?.slice(by: key) { return values.count }
    if let seen = rows[Pattern(granularity: query.period.granularity, groups: [key])] { return seen }
    return key.kind == .dimension ? Self.common[key.name] ?? 50 : 20
  }

  private static func pattern(of query: CostQuery) -> (Pattern, units: Int) {
    var pattern = Pattern(granularity: query.period.granularity, groups: Set(query.groups))
    var units = 1
    for condition in query.filter?.conjuncts ?? [] {
      guard case .leaf(let leaf) = condition, let values = leaf.sliceValues, values.count == 1 || pattern.groups.contains(leaf.key) else {
        pattern.rest.append(condition)
        continue
      }
      if pattern.groups.remove(leaf.key) != nil { units = product(units, values.count) }
      pattern.single.insert(leaf.key)
    }
    return (pattern, max(1, units))
  }

  private static func product(_ factors: Int...) -> Int {
    factors.reduce(1) { result, factor in
      let next = result.multipliedReportingOverflow(by: factor)
      return next.overflow ? .max : next.partialValue
    }
  }

  private static let common: [Name: Int] = [
    "SERVICE": 25, "LINKED_ACCOUNT": 25, "REGION": 10, "AZ": 20, "INSTANCE_TYPE": 30, "USAGE_TYPE": 150, "OPERATION": 80, "PLATFORM": 5,
    "PURCHASE_TYPE": 5, "TENANCY": 3, "RECORD_TYPE": 6, "LEGAL_ENTITY_NAME": 4, "INVOICING_ENTITY": 4,
  ]
}
