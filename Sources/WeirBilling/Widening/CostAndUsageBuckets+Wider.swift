internal import WeirCore
internal import WeirJSON

extension CostAndUsageBuckets {
  func wider() -> [any WiderRule] {
    CostWidening.parts(of: query, metrics: book.sizes.metrics).filter { !$0.isSame }.map { CostWiderBuckets(widening: $0, book: book) }
  }

  func sums(on day: CivilDate) -> [any WiderRule] {
    let (keys, sizes) = (query.summedKeys, book.sizes)
    guard !sizes.isRefused(query.sumShape, on: day) else { return [] }
    return CostWidening.sums(of: query, metrics: sizes.metrics, over: keys + sizes.groupedKeys.filter { !keys.contains($0) }).map {
      CostWiderBuckets(widening: $0, book: book)
    }
  }

  func assemblies() -> [any AssemblyRule] { query.sliceable.compactMap { CostAssembly(query, $0, book) } }

  /// A request is paid for, however much its page holds: of what fits a page, the query with the most rows is asked, over as much time as fits too.
  func asking(_ missing: Int, of range: TimeBucket, today: CivilDate, addingUp: Bool) -> WiderAsk? {
    let sizes = book.sizes
    // An answer in pages is nobody's.
    let own = sizes.rows(query, buckets: missing)
    guard sizes.pages(ofRows: own) == 1 else { return nil }
    func widest(of all: [CostWidening]) -> CostWidening? {
      all.filter { wider in
        let isNoLarger = sizes.rows(wider.query, buckets: missing) <= own
        return (isNoLarger || sizes.fitsPage(wider.query, buckets: missing)) && !sizes.isRefused(wider.query.shape, on: today)
      }.max { sizes.rowsOfBucket($0.query) < sizes.rowsOfBucket($1.query) }
    }
    var choice = widest(of: CostWidening.parts(of: query, metrics: sizes.metrics))
    // The provider's own amounts go before sums.
    if addingUp, choice?.isNarrow != false, !sizes.isRefused(query.sumShape, on: today) {
      choice = widest(of: CostWidening.sums(of: query, metrics: sizes.metrics, over: query.summedKeys)) ?? choice
    }
    guard let widest = choice else { return nil }
    let window = window(of: widest, around: range, today: today, sizes)
    guard !widest.isSame || (window ?? range) != range else { return nil }
    let asked = window ?? range
    let wide = CostAndUsageBuckets(query: widest.query, book: book).query(from: asked.start, to: asked.end)
    guard let buckets = Self.buckets(of: wide) else { return nil }
    return WiderAsk(
      buckets: buckets, rule: CostAndUsageBuckets(query: wide, book: book), wider: CostWiderBuckets(widening: widest, book: book))
  }

  /// Where the question can leave together with others that differ in a value, most of the page is left to them.
  private func window(of widest: CostWidening, around range: TimeBucket, today: CivilDate, _ sizes: CostSizes) -> TimeBucket? {
    let mayHaveCompany = CostWidening.parts(of: widest.query, metrics: []).count > 1
    return CostWindow(query.period.granularity, around: range, today: today).widest { buckets in
      mayHaveCompany ? sizes.rows(widest.query, buckets: buckets) <= sizes.page / 4 : sizes.fitsPage(widest.query, buckets: buckets)
    }
  }
}

/// The buckets of a wider query, and how those of the narrow one are cut from them.
private struct CostWiderBuckets: WiderRule {
  let widening: CostWidening
  let book: CostBook

  var rule: any BucketRule { CostAndUsageBuckets(query: widening.query, book: book) }

  func slice(_ result: JSONValue, of bucket: TimeBucket) -> [UInt8]? {
    // Names that are no groups' would look like costs of zero.
    let sizes = book.sizes
    guard widening.sliced.allSatisfy({ sizes.knows($0.values, of: $0.key) }) else { return nil }
    let period = CostPeriod(widening.query.period.granularity, from: bucket.start, to: bucket.end)
    return widening.slice(result, over: period, currency: sizes.currency)
  }

  func refuse(on day: CivilDate) { book.refuse(widening.query.shape, on: day) }

  func refuseSums(on day: CivilDate) { book.refuse(widening.narrow.sumShape, on: day) }

  var addsUp: Bool { widening.addsUp }
}

/// The ranges that are worth asking for in the place of a shorter one: they end with today and reach back over what people look at.
struct CostWindow {
  /// The longest first.
  let ranges: [TimeBucket]
  private let granularity: CostPeriod.Granularity

  init(_ granularity: CostPeriod.Granularity, around range: TimeBucket, today: CivilDate) {
    self.granularity = granularity
    let end = max(range.end, today)
    switch granularity {
    case .daily: ranges = [93, 62, 31, 14].map { TimeBucket(start: min(range.start, today - $0), end: end) }
    case .monthly:
      // A part of a month is another bucket than the whole month, or than a longer part.
      let isWhole = range.end == range.end.firstOfMonth || range.end >= today
      ranges =
        range.start != range.start.firstOfMonth
        ? []
        : [12, 6, 3].map { months in
          TimeBucket(start: min(range.start, Self.month(today, months)), end: isWhole ? end : range.end)
        }
    case .hourly: ranges = []
    }
  }

  /// The longest range whose number of buckets `fits`.
  func widest(_ fits: (Int) -> Bool) -> TimeBucket? {
    ranges.first { fits(CostPeriod(granularity, from: $0.start, to: $0.end).bucketCount) }
  }

  /// The first day of the month so many months ago.
  private static func month(_ today: CivilDate, _ ago: Int) -> CivilDate {
    var day = today.firstOfMonth
    for _ in 0..<ago { day = (day - 1).firstOfMonth }
    return day
  }
}
