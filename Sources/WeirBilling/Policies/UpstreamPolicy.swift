package import WeirCore
package import WeirJSON

/// The policy of one upstream: what its pack refuses is never cached; then the operator's rules, then the pack, then annotations where the
/// operator trusts them. What none of them declares cacheable is passed through (design decision 5).
package struct UpstreamPolicy: Sendable {
  package let rules: [CacheRule]
  package let pack: (any PolicyPack)?
  /// Where set, tools with `readOnlyHint: true` are cached for so long.
  package let trustedAnnotations: Freshness?
  /// How long answers live that the pack allows to be kept; nil without a pack.
  package let freshness: FreshnessTable?

  /// - Parameter overrides: what the operator knows better than the pack's calendar.
  package init(
    rules: [CacheRule] = [], pack: (any PolicyPack)? = nil, trustedAnnotations: Freshness? = nil,
    overrides: [FreshnessClass: FreshnessOverride] = [:]
  ) {
    self.rules = rules
    self.pack = pack
    self.trustedAnnotations = trustedAnnotations
    freshness = pack.map { FreshnessTable(calendar: $0.calendar, overrides: overrides) }
  }

  /// What may be done with a call of `tool` on the day of `now`.
  package func policy(tool: ToolDefinition, arguments: JSONValue?, now: WallTime) -> CallPolicy {
    let known = known(tool.name, arguments, CivilDate(now))
    if known.caching == .never { return known }
    if let rule = rule(for: tool.name) {
      guard let freshness = rule.freshness else { return Self.passedThrough(known) }
      return Self.cached(known, arguments, freshness)
    }
    if known.caching == .bypass, let trustedAnnotations, tool.readOnlyHint { return Self.cached(known, arguments, trustedAnnotations) }
    return known
  }

  /// What a result is of a call with these arguments; without a pack, everything that is no error is an answer.
  package func examine(tool: Name, arguments: JSONValue?, result: JSONValue, isError: Bool) -> ResultVerdict {
    if let pack, let freshness {
      return pack.examine(tool: tool, arguments: arguments, result: result, isError: isError, freshness: freshness)
    }
    return isError ? .notAnAnswer : .answer(bytes: nil, cap: nil, requests: nil)
  }

  /// Lets the pack learn from an answer to a call with these arguments.
  package func learn(tool: Name, arguments: JSONValue?, result: JSONValue) { pack?.learn(tool: tool, arguments: arguments, result: result) }

  /// What happens with calls of a tool, in words for whoever checks a configuration.
  package func describe(_ tool: ToolDefinition) -> String {
    let knowledge = pack?.knowledge(of: tool.name) ?? .unknown
    let description = freshness.flatMap { pack?.describe(tool: tool.name, freshness: $0) } ?? "passed through"
    if knowledge == .refused { return description }
    if let rule = rule(for: tool.name) {
      guard let freshness = rule.freshness else { return "passed through, by rule" }
      return "cached for \(freshness.words), by rule" + (knowledge == .cached ? ", where the pack allows it" : "")
    }
    if knowledge == .cached { return description }
    if let trustedAnnotations, tool.readOnlyHint { return "cached for \(trustedAnnotations.words), since it says it is read-only" }
    return "passed through"
  }

  /// The first rule whose pattern matches.
  package func rule(for tool: Name) -> CacheRule? {
    rules.first { Glob.matches($0.tool.utf8, tool.utf8) }
  }

  private func known(_ tool: Name, _ arguments: JSONValue?, _ today: CivilDate) -> CallPolicy {
    guard let pack, let freshness else { return CallPolicy(caching: .bypass) }
    return pack.policy(tool: tool, arguments: arguments, context: PolicyContext(today: today, freshness: freshness))
  }

  /// Where the pack knows the arguments, its key and its dates are better than the plain ones.
  private static func cached(_ known: CallPolicy, _ arguments: JSONValue?, _ freshness: Freshness) -> CallPolicy {
    var policy = known
    if policy.caching == .bypass {
      guard let query = arguments ?? JSONValue.emptyObject, let canonical = try? query.canonical() else { return known }
      policy.keyArguments = canonical
    }
    policy.caching = .cached(freshness)
    policy.buckets?.freshness.rule = freshness
    return policy
  }

  private static func passedThrough(_ known: CallPolicy) -> CallPolicy {
    CallPolicy(caching: .bypass, provider: known.provider, requests: known.requests)
  }
}
