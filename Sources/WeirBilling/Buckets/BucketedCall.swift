package import WeirCore
package import WeirJSON

/// A call whose answer is a row of time buckets that can be had one by one: the answer of a range is the answers of its buckets, in order.
package struct BucketedCall: Sendable {
  /// The buckets of the range that was asked for, in order and without gaps; at least one.
  package let buckets: [TimeBucket]
  /// How long each of them lives.
  package var freshness: BucketFreshness
  private let rule: any BucketRule

  package init(buckets: [TimeBucket], rule: any BucketRule, freshness: BucketFreshness) {
    self.buckets = buckets
    self.rule = rule
    self.freshness = freshness
  }

  /// How long the answer of one bucket lives.
  /// - Parameter hasRowsBeside: whether a bucket of the answer that it was cut from holds a row.
  package func freshness(of answer: BucketAnswer, in bucket: TimeBucket, hasRowsBeside: Bool = true) -> Freshness {
    freshness.freshness(of: bucket, isEstimated: answer.isEstimated, isEmpty: answer.isEmpty, hasRowsBeside: hasRowsBeside)
  }

  /// How long an answer lives that cannot be cut into its buckets.
  package var wholeFreshness: Freshness {
    guard let first = buckets.first, let last = buckets.last else { return freshness.table[.open] }
    return freshness.rule ?? freshness.table.freshness(of: TimeBucket(start: first.start, end: last.end), today: freshness.today)
  }

  /// The canonical arguments of the same query without its range, for what all its buckets share.
  package var shape: [UInt8] { rule.shape }
  /// The call for some neighbouring buckets alone, as if a caller had made it.
  package func call(for range: Range<Int>) -> BucketCall? {
    range.isEmpty || !buckets.indices.contains(range.lowerBound) || range.upperBound > buckets.count
      ? nil : rule.call(from: buckets[range.lowerBound].start, to: buckets[range.upperBound - 1].end)
  }
  /// Those of the call for one bucket alone.
  package func keyArguments(for index: Int) -> [UInt8]? {
    buckets.indices.contains(index) ? rule.keyArguments(from: buckets[index].start, to: buckets[index].end) : nil
  }
  /// How many requests the provider charges for these buckets together, as far as that can be told; at least 1.
  package func requests(for range: Range<Int>) -> Int { rule.requests(buckets: range.count) }
  /// The tool result of each bucket of a result for `range`, each as a call for it alone would have got it, and whether it is not final;
  /// nil where the result is paged, or not of the expected shape.
  package func cut(_ result: JSONValue, of range: Range<Int>) -> [BucketAnswer]? {
    guard range.lowerBound >= 0, range.upperBound <= buckets.count else { return nil }
    return rule.cut(result, into: Array(buckets[range]))
  }
  /// The tool result of the whole range from those of its buckets; nil where they do not fit together.
  package func join(_ answers: [JSONValue]) -> [UInt8]? {
    answers.count == buckets.count ? rule.join(answers) : nil
  }

  /// The provider answers in pages: the first of them is the answer, and no bucket can be cut from it.
  package var isPaged: Bool { rule.isPaged(buckets: buckets.count) }

  /// Wider questions whose answers hold this one's, bucket by bucket.
  package func wider() -> [any WiderRule] { rule.wider() }
  /// Wider questions whose amounts have to be added up for this one's answers.
  package func sums() -> [any WiderRule] { rule.sums(on: freshness.today) }
  /// Ways to put its answers together from those to other questions.
  package func assemblies() -> [any AssemblyRule] { rule.assemblies() }
  /// The wider question that is worth asking in the place of this one, of which these buckets are missing; nil where none costs no more. What is
  /// known of this one need not be known of the wider one, so only what lies between the first and the last of them is asked for.
  /// - Parameter addingUp: it may be one whose amounts have to be added up, where no other is of use.
  package func asking(missing: Range<Int>, addingUp: Bool) -> (call: BucketedCall, wider: any WiderRule)? {
    guard !missing.isEmpty, buckets.indices.contains(missing.lowerBound), missing.upperBound <= buckets.count else { return nil }
    let range = TimeBucket(start: buckets[missing.lowerBound].start, end: buckets[missing.upperBound - 1].end)
    return rule.asking(missing.count, of: range, today: freshness.today, addingUp: addingUp).map { ask in
      (BucketedCall(buckets: ask.buckets, rule: ask.rule, freshness: freshness), ask.wider)
    }
  }
}

/// What a pack knows of one query that answers in time buckets.
package protocol BucketRule: Sendable {
  var shape: [UInt8] { get }
  func call(from start: CivilDate, to end: CivilDate) -> BucketCall
  /// Those of the call, where nothing else of it is wanted.
  func keyArguments(from start: CivilDate, to end: CivilDate) -> [UInt8]
  func requests(buckets: Int) -> Int
  func cut(_ result: JSONValue, into buckets: [TimeBucket]) -> [BucketAnswer]?
  func join(_ answers: [JSONValue]) -> [UInt8]?
  func isPaged(buckets: Int) -> Bool
  func wider() -> [any WiderRule]
  func sums(on day: CivilDate) -> [any WiderRule]
  func assemblies() -> [any AssemblyRule]
  func asking(_ missing: Int, of range: TimeBucket, today: CivilDate, addingUp: Bool) -> WiderAsk?
}

extension BucketRule {
  package func keyArguments(from start: CivilDate, to end: CivilDate) -> [UInt8] { call(from: start, to: end).keyArguments }
  package func isPaged(buckets: Int) -> Bool { false }
  package func wider() -> [any WiderRule] { [] }
  package func sums(on day: CivilDate) -> [any WiderRule] { [] }
  package func assemblies() -> [any AssemblyRule] { [] }
  package func asking(_ missing: Int, of range: TimeBucket, today: CivilDate, addingUp: Bool) -> WiderAsk? { nil }
}

/// Days from `start` to before `end`.
package struct TimeBucket: Hashable, Sendable {
  package let start: CivilDate
  package let end: CivilDate

  package init(start: CivilDate, end: CivilDate) {
    self.start = start
    self.end = end
  }
}

/// The call that asks for some buckets.
package struct BucketCall: Sendable {
  /// For its cache key: the same bytes that `CallPolicy.keyArguments` has for a caller's own call of this meaning.
  package let keyArguments: [UInt8]
  package let sentArguments: [UInt8]
  package let merging: MergeableCall?

  package init(keyArguments: [UInt8], sentArguments: [UInt8], merging: MergeableCall?) {
    self.keyArguments = keyArguments
    self.sentArguments = sentArguments
    self.merging = merging
  }
}

/// The answer of one bucket.
package struct BucketAnswer: Sendable {
  /// The tool result of a call for this bucket alone.
  package let result: [UInt8]
  /// The provider says that its numbers are not final.
  package let isEstimated: Bool
  /// It holds no row.
  package let isEmpty: Bool

  package init(result: [UInt8], isEstimated: Bool, isEmpty: Bool) {
    self.result = result
    self.isEstimated = isEstimated
    self.isEmpty = isEmpty
  }
}
