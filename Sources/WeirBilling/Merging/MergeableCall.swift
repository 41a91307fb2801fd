package import WeirCore
package import WeirJSON

/// A call that can be asked together with others of its group.
package struct MergeableCall: Sendable {
  /// What has to be the same, byte for byte, for two calls to be looked at together: the rule, and whatever it never merges across. Who calls,
  /// which upstream and which tool is not in it.
  package let group: [UInt8]
  private let rule: any MergeRule
  private let query: any Sendable

  package init<Rule: MergeRule>(group: [UInt8], rule: Rule, query: Rule.Query) {
    self.group = group
    self.rule = rule
    self.query = query
  }

  /// Whether these two could be asked as one.
  package func canMerge(with other: MergeableCall) -> Bool {
    group == other.group && Self.canMerge(self, other, by: rule)
  }

  /// All of them as one call; nil where they do not merge, or there are fewer than two.
  package static func merge(_ calls: [MergeableCall], within limits: MergeLimits) -> MergedCall? {
    guard let first = calls.first, calls.count > 1, calls.count <= limits.members, calls.allSatisfy({ $0.group == first.group }) else { return nil }
    return merge(calls, by: first.rule, within: limits)
  }

  /// The arguments of calls that somebody is likely to make, and that may be asked together with this one.
  package func neighbours(on day: CivilDate) -> [[UInt8]] { Self.neighbours(of: self, by: rule, day) }

  /// The provider gave no answer to this call with its neighbours.
  package func refuseNeighbours(on day: CivilDate) { Self.refuseNeighbours(of: self, by: rule, day) }

  /// Somebody makes this call, and its answer is not known.
  package func note() { Self.note(self, by: rule) }

  private static func neighbours<Rule: MergeRule>(of call: MergeableCall, by rule: Rule, _ day: CivilDate) -> [[UInt8]] {
    (call.query as? Rule.Query).map { rule.neighbours(of: $0, on: day) } ?? []
  }

  private static func refuseNeighbours<Rule: MergeRule>(of call: MergeableCall, by rule: Rule, _ day: CivilDate) {
    if let query = call.query as? Rule.Query { rule.refuseNeighbours(of: query, on: day) }
  }

  private static func note<Rule: MergeRule>(_ call: MergeableCall, by rule: Rule) {
    if let query = call.query as? Rule.Query { rule.note(query) }
  }

  private static func canMerge<Rule: MergeRule>(_ one: MergeableCall, _ other: MergeableCall, by rule: Rule) -> Bool {
    guard let first = one.query as? Rule.Query, let second = other.query as? Rule.Query else { return false }
    return rule.canMerge(first, second)
  }

  private static func merge<Rule: MergeRule>(_ calls: [MergeableCall], by rule: Rule, within limits: MergeLimits) -> MergedCall? {
    let queries = calls.compactMap { $0.query as? Rule.Query }
    guard queries.count == calls.count, let merged = rule.merge(queries, within: limits) else { return nil }
    return MergedCall(arguments: rule.arguments(of: merged), members: queries.count) { result, index in
      queries.indices.contains(index) ? rule.split(result, of: merged, for: queries[index]) : nil
    }
  }
}

/// Several calls as one.
package struct MergedCall: Sendable {
  /// What is sent: a JSON object.
  package let arguments: [UInt8]
  /// How many calls it stands for.
  package let members: Int
  private let cut: @Sendable (JSONValue, Int) -> [UInt8]?

  init(arguments: [UInt8], members: Int, cut: @escaping @Sendable (JSONValue, Int) -> [UInt8]?) {
    self.arguments = arguments
    self.members = members
    self.cut = cut
  }

  /// The tool result of the member with this index, in the order in which they were merged; nil where it has to be asked alone.
  package func split(_ result: JSONValue, for index: Int) -> [UInt8]? { cut(result, index) }
}
