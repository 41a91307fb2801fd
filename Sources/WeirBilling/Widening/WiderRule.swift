package import WeirCore
package import WeirJSON

/// A question whose answer holds the one to a narrower question, bucket by bucket.
package protocol WiderRule: Sendable {
  /// The wider question.
  var rule: any BucketRule { get }
  /// The tool result of the narrower question for one bucket, out of the wider one's for the same; nil where that does not tell it.
  func slice(_ result: JSONValue, of bucket: TimeBucket) -> [UInt8]?
  /// The wider question was of no use: it is not worth asking again on that day.
  func refuse(on day: CivilDate)
  /// Its answer is whole, but its amounts cannot be added up: not worth trying again on that day for this narrower question.
  func refuseSums(on day: CivilDate)
  /// Amounts are added up on the way back, which not every answer allows.
  var addsUp: Bool { get }
}

extension WiderRule {
  package func refuseSums(on day: CivilDate) {}
  package var addsUp: Bool { false }
}

/// A question whose answer can be put together, bucket by bucket, from answers to other questions that cut the same the other way.
package protocol AssemblyRule: Sendable {
  /// Whose answer tells which parts there are.
  var list: any BucketRule { get }
  /// The questions about each of them, by the list's answer for one bucket; nil where one has no question.
  func parts(_ list: JSONValue, of bucket: TimeBucket) -> [any BucketRule]?
  /// The tool result for one bucket from those of the list and of all its parts; nil where they do not tell it.
  func assemble(_ list: JSONValue, _ parts: [JSONValue], of bucket: TimeBucket) -> [UInt8]?
}

/// A wider question, and the buckets that are worth asking it for.
package struct WiderAsk: Sendable {
  /// In order and without gaps; those of the narrower question are among them.
  package let buckets: [TimeBucket]
  /// The wider question over exactly these buckets.
  package let rule: any BucketRule
  package let wider: any WiderRule

  package init(buckets: [TimeBucket], rule: any BucketRule, wider: any WiderRule) {
    self.buckets = buckets
    self.rule = rule
    self.wider = wider
  }
}
