internal import WeirCore

/// How large answers of `getCostAndUsage` are: what answers have shown so far, and before that what an organization commonly has. That decides what
/// is worth asking. Two things that it remembers decide what can be told at all: which names groups have, and the currency of the bill. Pure and
/// bounded; `CostBook` keeps it.
struct CostSizes: Sendable {
  /// Queries whose answers are of a size: those that differ in nothing but values, ranges and metrics. A key that is grouped by and filtered by
  /// counts as filtered by; its rows are counted for each of its values.
  private struct Pattern: Hashable, Sendable {
    let granularity: CostPeriod.Granularity
    var groups: Set<CostKey>
    /// Keys of which the filter lets one value through, or of which each row has one.
    var single: Set<CostKey> = []
    /// Stands for the rest of the filter, which callers may make as long as they like. Two with the same are at worst misjudged in size.
    var rest = 0
  }

  /// Rows of a bucket for one value of each key that is filtered by: some values have many, some few.
  private struct Rate: Sendable {
    var mean: Double
    var most: Double

    /// Of several values together: the more there are, the nearer to the mean.
    func rows(of values: Double) -> Double { mean * values + (most - mean) * values.squareRoot() }
  }

  /// Rows of a page of Cost Explorer, which is not documented: a guess, until an answer had more, or a first page shows it.
  private(set) var page = 1000
  private var isPageKnown = false
  /// In what everything is paid for, as long as all answers agree.
  private(set) var currency: Name?
  private var hasManyCurrencies = false
  /// The metrics that have been asked for.
  private(set) var metrics: Set<CostMetric> = []
  private var rates: [Pattern: Rate] = [:]
  private var slices = CostSlices()
  private var names: [CostKey: Set<Name>] = [:]
  /// How many answers were grouped by a key.
  private var uses: [CostKey: Int] = [:]
  /// How often somebody asked about one value of a key, by its group.
  private var wanted: [CostKey: [Name: Int]] = [:]
  /// Hashes of wider queries that were of no use, without their range, and the day on which that was seen.
  private var refused: [Int: CivilDate] = [:]

  /// Of patterns, of names of a key, and of refusals: more are forgotten all at once.
  private static let capacity = 4096
  /// Of keys whose names are remembered: callers group by whatever tags they like.
  private static let keyCapacity = 64

  // MARK: What is learned

  /// - Parameters:
  ///   - buckets: how many rows each bucket of the answer has.
  ///   - isPaged: the answer goes on on another page.
  ///   - found: how often each value stood in the answer's groups, in the order of the query's groups.
  mutating func learn(_ query: CostQuery, rowsOfBuckets buckets: [Int], isPaged: Bool, found: [[Name: Int]]) {
    metrics.formUnion(query.metrics)
    let count = buckets.reduce(0) { $0 + max(1, $1) }
    page = isPaged ? max(1, count) : max(page, count)
    isPageKnown = isPageKnown || isPaged
    if !isPaged { slices.learn(query, buckets: buckets.count, found: found) }
    for (key, counts) in zip(query.groups, found) {
      let values = Set(counts.keys)
      if names[key] == nil, names.count >= Self.keyCapacity {
        names.removeAll()
        uses.removeAll()
      }
      uses[key, default: 0] += 1
      names[key, default: []].formUnion(values)
      if names[key]?.count ?? 0 > Self.capacity { names[key] = values.count > Self.capacity ? [] : values }
    }
    guard !query.groups.isEmpty, !buckets.isEmpty else { return }
    if rates.count >= Self.capacity { rates.removeAll() }
    let (pattern, units) = Self.pattern(of: query)
    // Of a paged answer nobody knows how much was to come.
    let rate = Double(count) / Double(buckets.count) / Double(units) * (isPaged ? 1.2 : 1)
    let known = rates[pattern] ?? Rate(mean: rate, most: rate)
    // An estimate that is too small costs requests: up at once, down slowly.
    let mean = known.mean + (rate - known.mean) / (rate > known.mean ? 2 : 10)
    rates[pattern] = isPaged ? Rate(mean: max(known.mean, rate), most: max(known.most, rate)) : Rate(mean: mean, most: max(rate, known.most * 0.99))
  }

  mutating func note(_ query: CostQuery) {
    for leaf in query.sliceable {
      guard let value = leaf.values?.first, leaf.values?.count == 1 else { continue }
      if wanted[leaf.key] == nil, wanted.count >= Self.keyCapacity { wanted.removeAll() }
      if wanted[leaf.key]?.count ?? 0 >= Self.capacity { wanted[leaf.key] = [:] }
      wanted[leaf.key, default: [:]][leaf.key.groupKey(of: value), default: 0] += 1
    }
  }

  mutating func learn(currency: Name) {
    hasManyCurrencies = hasManyCurrencies || (self.currency ?? currency) != currency
    self.currency = hasManyCurrencies ? nil : currency
  }

  mutating func refuse(_ shape: [UInt8], on day: CivilDate) {
    if refused.count >= Self.capacity { refused.removeAll() }
    refused[shape.hashValue] = day
  }

  func isRefused(_ shape: [UInt8], on day: CivilDate) -> Bool { refused[shape.hashValue] == day }

  /// Whether groups have been seen under these very names: the values of a filter may be spelled in another way.
  func knows(_ values: [Name], of key: CostKey) -> Bool {
    names[key].map { seen in values.allSatisfy { seen.contains(key.groupKey(of: $0)) } } ?? false
  }

  /// The keys that answers have been grouped by, the most used first; as many as are worth looking through.
  var groupedKeys: [CostKey] {
    let keys = uses.sorted { ($1.value, $0.key.kind.rawValue, $0.key.name) < ($0.value, $1.key.kind.rawValue, $1.key.name) }
    return Array(keys.prefix(8).map(\.key))
  }

  /// The values of a key that groups have been seen for, the most asked about first.
  func values(of key: CostKey) -> [Name] {
    let counts = wanted[key] ?? [:]
    return (names[key] ?? []).sorted { one, other in
      let (first, second) = (counts[one] ?? 0, counts[other] ?? 0)
      return first == second ? one < other : first > second
    }.compactMap(key.value)
  }

  // MARK: Estimates

  /// Groups times buckets.
  func rows(_ query: CostQuery) -> Int { rows(query, buckets: query.period.bucketCount) }

  func rows(_ query: CostQuery, buckets: Int) -> Int {
    Int(exactly: (rowsOfBucket(query) * Double(buckets)).rounded(.up)) ?? .max
  }

  func pages(ofRows rows: Int) -> Int { max(1, rows / page + (rows % page == 0 ? 0 : 1)) }

  /// Whether it is known that so many buckets come in pages.
  func isPaged(_ query: CostQuery, buckets: Int) -> Bool {
    let (pattern, units) = Self.pattern(of: query)
    guard isPageKnown, let known = rates[pattern] else { return false }
    return known.mean * Double(units) * Double(buckets) > Double(page) * 1.1
  }

  /// Whether so many rows will hardly be more than a page.
  func fitsPage(_ rows: Int) -> Bool { rows <= max(1, page - page / 5) }

  /// Whether the answer will hardly be more than a page: where its rows have been counted, less has to be left free.
  func fitsPage(_ query: CostQuery, buckets: Int) -> Bool {
    let rows = rows(query, buckets: buckets)
    return isCounted(query) ? rows <= max(1, page - page / 10) : fitsPage(rows)
  }

  /// Value by value, or for all values together.
  private func isCounted(_ query: CostQuery) -> Bool {
    if slices.rowsOfBucket(query) != nil { return true }
    let (pattern, _) = Self.pattern(of: query)
    return pattern.single.isEmpty && pattern.rest == 0 && rates[pattern] != nil
  }

  func rowsOfBucket(_ query: CostQuery) -> Double {
    guard !query.groups.isEmpty else { return 1 }
    if let counted = slices.rowsOfBucket(query) { return counted }
    let (pattern, units) = Self.pattern(of: query)
    if let known = rates[pattern] { return known.rows(of: Double(units)) }
    // What one value of a key has, times its values.
    let bySlices = pattern.groups.compactMap { key -> Double? in
      var slice = pattern
      slice.groups.remove(key)
      slice.single.insert(key)
      return rates[slice]?.rows(of: Double(units) * values(of: key, in: query))
    }
    let most = query.groups.reduce(1) { $0 * values(of: $1, in: query) }
    return bySlices.min().map { min($0, most) } ?? most
  }

  /// As many as the filter lets through, else as many as have been seen, else as many as an organization commonly has.
  private func values(of key: CostKey, in query: CostQuery) -> Double {
    if let values = query.filter?.slice(by: key) { return Double(values.count) }
    if let seen = rates[Pattern(granularity: query.period.granularity, groups: [key])] { return max(1, seen.most) }
    return key.kind == .dimension ? Self.common[key.name] ?? 50 : 20
  }

  private static func pattern(of query: CostQuery) -> (Pattern, units: Int) {
    var pattern = Pattern(granularity: query.period.granularity, groups: Set(query.groups))
    var units = 1
    var (rest, hasRest) = (Hasher(), false)
    for condition in query.filter?.conjuncts ?? [] {
      guard case .leaf(let leaf) = condition, let values = leaf.sliceValues, values.count == 1 || pattern.groups.contains(leaf.key) else {
        rest.combine(condition)
        hasRest = true
        continue
      }
      if pattern.groups.remove(leaf.key) != nil { units *= min(values.count, 10_000) }
      pattern.single.insert(leaf.key)
    }
    if hasRest { pattern.rest = rest.finalize() }
    return (pattern, max(1, units))
  }

  private static let common: [Name: Double] = [
    "SERVICE": 25, "LINKED_ACCOUNT": 25, "REGION": 10, "AZ": 20, "INSTANCE_TYPE": 30, "USAGE_TYPE": 150, "OPERATION": 80, "PLATFORM": 5,
    "PURCHASE_TYPE": 5, "TENANCY": 3, "RECORD_TYPE": 6, "LEGAL_ENTITY_NAME": 4, "INVOICING_ENTITY": 4,
  ]
}
