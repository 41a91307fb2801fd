internal import WeirCore
internal import WeirJSON

/// Calls of `getCostAndUsage` asked as one: the union of their metrics, of their ranges, and of the values of one key that they filter by, which
/// the answer is then grouped by. What a member gets is a part of the answer: nothing is added up of calls that
/// leave together.
struct CostAndUsageMerge: MergeRule {
  /// The one query, which holds all of the members.
  struct Merged: Sendable {
    var query: CostQuery
    /// The key whose values the members filter by; nil where all have the same filter.
    let key: CostKey?
    /// The key is none of those that the members group by. It stands before them, or after them where rows are added up.
    let isKeyAdded: Bool
    /// Rows that differ in the added key alone are one row, of their sums: what nobody gets unless the operator wants it so
    /// (docs/decisions/0024).
    var addsUp = false
  }

  /// How large answers are.
  let book: CostBook

  /// What two queries must have in common to be looked at together.
  static func group(of query: CostQuery) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    writer.value("getCostAndUsage")
    writer.value(query.period.granularity.rawValue)
    for group in query.groups { writer.raw(group.json) }
    if let view = query.billingView { writer.value(view.string) }
    writer.endArray()
    return writer.bytes
  }

  static func call(_ query: CostQuery, _ book: CostBook) -> MergeableCall {
    MergeableCall(group: group(of: query), rule: CostAndUsageMerge(book: book), query: query)
  }

  func canMerge(_ one: CostQuery, _ other: CostQuery) -> Bool { Self.box(around: [one, other]) != nil }

  func merge(_ queries: [CostQuery], within limits: MergeLimits) -> Merged? {
    guard queries.count <= limits.members, let merged = Self.box(around: queries) else { return nil }
    if let key = merged.key, let leaf = merged.query.filter?.slice(by: key), leaf.count > limits.values { return nil }
    // A page is paid for like a request, and an answer in pages is nobody's. One that nobody makes wider is asked as it is.
    let sizes = book.sizes
    let rows = sizes.rows(merged.query)
    guard
      (rows <= limits.rows && sizes.fitsPage(merged.query, buckets: merged.query.period.bucketCount)) || queries.allSatisfy({ $0 == merged.query })
    else { return nil }
    return merged
  }

  func arguments(of merged: Merged) -> [UInt8] { merged.query.sent }

  /// The same question about the other values that have been seen of a key.
  func neighbours(of query: CostQuery, on day: CivilDate) -> [[UInt8]] {
    let sizes = book.sizes
    guard !sizes.isRefused(Self.group(of: query), on: day) else { return [] }
    return query.sliceable.flatMap { leaf in
      sizes.values(of: leaf.key).filter { !(leaf.values ?? []).contains($0) }.prefix(Self.mostNeighbours).map { query.with(leaf, value: $0).sent }
    }
  }

  func refuseNeighbours(of query: CostQuery, on day: CivilDate) { book.refuse(Self.group(of: query), on: day) }

  func note(_ query: CostQuery) { book.note(query) }

  /// More do not fit a page.
  private static let mostNeighbours = 128

  /// The smallest query that holds all of them, where each one's answer is a part of its answer.
  private static func box(around queries: [CostQuery]) -> Merged? {
    guard let first = queries.first, let period = CostPeriod.union(queries.map(\.period)),
      queries.allSatisfy({ $0.groups == first.groups && $0.billingView == first.billingView })
    else { return nil }
    var box = first
    box.period = period
    box.metrics = Set(queries.flatMap(\.metrics)).sorted()
    if queries.allSatisfy({ $0.filter == first.filter }) { return Merged(query: box, key: nil, isKeyAdded: false) }
    guard let union = CostFilterUnion(queries.map { $0.filter?.conjuncts ?? [] }) else { return nil }
    box.filter = union.filter
    if first.groups.contains(union.key) { return Merged(query: box, key: union.key, isKeyAdded: false) }
    guard first.groups.count < 2, union.isOneValueEach else { return nil }
    box.groups.insert(union.key, at: 0)
    return Merged(query: box, key: union.key, isKeyAdded: true)
  }
}
