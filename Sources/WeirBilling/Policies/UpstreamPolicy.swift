package import WeirCore
package import WeirJSON

/// The policy of one upstream: what its pack refuses is never cached; then the operator's rules, then the pack, then annotations where the
/// operator trusts them. What none of them declares cacheable is passed through (design decision 5).
package struct UpstreamPolicy: Sendable {
  package let rules: [CacheRule]
  package let pack: (any PolicyPack)?
  /// Where set, tools with `readOnlyHint: true` are cached for so long.
  package let trustedAnnotations: Freshness?

  package init(rules: [CacheRule] = [], pack: (any PolicyPack)? = nil, trustedAnnotations: Freshness? = nil) {
    self.rules = rules
    self.pack = pack
    self.trustedAnnotations = trustedAnnotations
  }

  /// What may be done with a call of `tool` on the day of `now`.
  package func policy(tool: ToolDefinition, arguments: JSONValue?, now: WallTime) -> CallPolicy {
    let known = pack?.policy(tool: tool.name, arguments: arguments, today: CivilDate(now)) ?? CallPolicy(caching: .bypass)
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
    if let pack { return pack.examine(tool: tool, arguments: arguments, result: result, isError: isError) }
    return isError ? .notAnAnswer : .answer(bytes: nil, cap: nil, requests: nil)
  }

  /// What happens with calls of a tool, in words for whoever checks a configuration.
  package func describe(_ tool: ToolDefinition) -> String {
    let knowledge = pack?.knowledge(of: tool.name) ?? .unknown
    if knowledge == .refused { return pack?.describe(tool: tool.name) ?? "passed through" }
    if let rule = rule(for: tool.name) {
      guard let freshness = rule.freshness else { return "passed through, by rule" }
      return "cached for \(freshness.words), by rule" + (knowledge == .cached ? ", where the pack allows it" : "")
    }
    if knowledge == .cached, let pack { return pack.describe(tool: tool.name) }
    if let trustedAnnotations, tool.readOnlyHint { return "cached for \(trustedAnnotations.words), since it says it is read-only" }
    return "passed through"
  }

  /// The first rule whose pattern matches.
  package func rule(for tool: Name) -> CacheRule? {
    rules.first { Glob.matches($0.tool.utf8, tool.utf8) }
  }

  /// Where the pack knows the arguments, its key and its dates are better than the plain ones.
  private static func cached(_ known: CallPolicy, _ arguments: JSONValue?, _ freshness: Freshness) -> CallPolicy {
    var policy = known
    if policy.caching == .bypass {
      guard let query = arguments ?? JSONValue.emptyObject, let canonical = try? query.canonical() else { return known }
      policy.keyArguments = canonical
    }
    policy.caching = .cached(freshness)
    return policy
  }

  private static func passedThrough(_ known: CallPolicy) -> CallPolicy {
    CallPolicy(caching: .bypass, provider: known.provider, requests: known.requests)
  }
}
