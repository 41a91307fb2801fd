internal import WeirCore
internal import WeirJSON

/// A wider query of `getCostAndUsage`, which has a condition less and is grouped by its key instead, or has more metrics; and the way back from its
/// answer to the one of the query that it was made from. Each step is a merge of classes B, D or D' with the rest of the bill, so that nothing is
/// added up (docs/decisions/0013); where the operator wants sums, also a query that is grouped by one key more (classes D'' and E, 0024).
struct CostWidening: Sendable {
  /// What is asked in the place of the query, over the same range.
  let query: CostQuery
  /// The query that it was made from.
  let narrow: CostQuery
  /// From the wider query down to the narrow one: each is cut from the answer of the one before.
  fileprivate var steps: [Step]

  fileprivate struct Step: Sendable {
    let merged: CostAndUsageMerge.Merged
    let narrower: CostQuery
  }

  /// More would not be worth looking through.
  private static let most = 12
  private static let mostSums = 24

  /// Those whose amounts are added up: grouped by one key more than the query itself or one that holds it.
  /// - Parameters:
  ///   - metrics: those that are worth having beside the ones that are asked for.
  ///   - keys: those that may be added up over, the likeliest first.
  static func sums(of narrow: CostQuery, metrics: Set<CostMetric>, over keys: [CostKey]) -> [CostWidening] {
    guard narrow.metrics.allSatisfy(\.canBeAddedUp), !narrow.hasManyConditions else { return [] }
    let parts = self.parts(of: narrow, metrics: metrics)
    var sums: [CostWidening] = []
    for key in keys {
      for finer in parts.flatMap({ $0.finer(by: key) }) {
        for wider in [finer] + finer.withoutOneCondition() where !(parts + sums).contains(where: { $0.query == wider.query }) {
          guard sums.count < mostSums else { return sums }
          sums.append(wider)
        }
      }
    }
    return sums
  }

  /// The query itself first, with more metrics where there are any, and every wider one whose answer holds its own.
  /// - Parameter metrics: those that are worth having beside the ones that are asked for.
  static func parts(of narrow: CostQuery, metrics: Set<CostMetric>) -> [CostWidening] {
    var start = CostWidening(query: narrow, narrow: narrow, steps: [])
    if !metrics.isSubset(of: narrow.metrics) {
      start = start.widened(to: Merged(key: nil, isKeyAdded: false) { $0.metrics = metrics.union(narrow.metrics).sorted() })
    }
    var all = [start]
    var next = 0
    while next < all.count, all.count < most {
      let from = all[next]
      next += 1
      for wider in from.withoutOneCondition() where all.count < most && !all.contains(where: { $0.query == wider.query }) { all.append(wider) }
    }
    return all
  }

  /// Amounts are added up on the way to the narrow query's answer.
  var addsUp: Bool { steps.contains(where: \.merged.addsUp) }

  /// It tells no more than the query itself, but for metrics.
  var isNarrow: Bool { query.filter == narrow.filter && query.groups == narrow.groups }

  /// It is the query itself.
  var isSame: Bool { steps.isEmpty }

  /// The answer of the narrow query over `period`, out of the wider one's over the same; nil where that does not tell it.
  func slice(_ result: JSONValue, over period: CostPeriod, currency: Name?) -> [UInt8]? {
    var answer = result
    var metrics = query.metrics
    for step in steps {
      var (wider, narrower) = (step.merged.query, step.narrower)
      (wider.period, narrower.period) = (period, period)
      // What is not asked for goes first: a metric of usage has no zero that could stand in between.
      wider.metrics = metrics
      metrics = steps.last?.narrower.metrics ?? metrics
      narrower.metrics = metrics
      var merged = step.merged
      merged.query = wider
      guard let cut = CostAndUsageMerge.split(result: answer, of: merged, for: narrower, currency: currency),
        let document = try? JSONDocument(parsing: cut, limits: AnswerBody.limits)
      else { return nil }
      answer = document.root
    }
    return answer.raw
  }

  /// The values that the narrow query filters by and the wider one groups by instead, which must be names of groups.
  var sliced: [(key: CostKey, values: [Name])] {
    let cuts = steps.filter { !$0.merged.addsUp }
    return cuts.compactMap { step in step.merged.key.flatMap { key in step.narrower.filter?.slice(by: key).map { (key, $0) } } }
  }

  // MARK: Widening

  private struct Merged {
    let key: CostKey?
    let isKeyAdded: Bool
    var addsUp = false
    let change: (inout CostQuery) -> Void
  }

  private func widened(to merged: Merged) -> CostWidening {
    var wider = query
    merged.change(&wider)
    let whole = CostAndUsageMerge.Merged(query: wider, key: merged.key, isKeyAdded: merged.isKeyAdded, addsUp: merged.addsUp)
    let step = Step(merged: whole, narrower: query)
    return CostWidening(query: wider, narrow: narrow, steps: [step] + steps)
  }

  /// Those grouped by one key more, before the other and after it: callers write either.
  private func finer(by key: CostKey) -> [CostWidening] {
    guard query.groups.count < 2, !query.groups.contains(key), key.isGroupable else { return [] }
    return (0...query.groups.count).map { place in
      widened(to: Merged(key: key, isKeyAdded: true, addsUp: true) { $0.groups.insert(key, at: place) })
    }
  }

  /// Those whose groups of a key are the slices that a condition on it makes.
  private func withoutOneCondition() -> [CostWidening] {
    guard let conditions = query.filter?.conjuncts, !query.hasManyConditions else { return [] }
    return conditions.indices.compactMap { index in
      guard case .leaf(let leaf) = conditions[index], let values = leaf.sliceValues, leaf.key.isGroupable else { return nil }
      var others = conditions
      others.remove(at: index)
      guard values.allSatisfy({ !$0.string.isEmpty }), !others.contains(where: { CostFilterUnion.isEntangled(leaf.key, with: $0) }) else {
        return nil
      }
      let isGrouped = query.groups.contains(leaf.key)
      guard isGrouped || (values.count == 1 && query.groups.count < 2) else { return nil }
      return widened(
        to: Merged(key: leaf.key, isKeyAdded: !isGrouped) { wider in
          wider.filter = CostFilter.all(others)
          if !isGrouped { wider.groups.insert(leaf.key, at: 0) }
        })
    }
  }
}
