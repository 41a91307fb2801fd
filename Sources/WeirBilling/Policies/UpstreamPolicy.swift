package import WeirCore
package import WeirJSON

/// The policy of one upstream: the operator's rules first, then its pack, then its annotations where the operator trusts them; what none
/// of them declares cacheable is passed through (design decision 5).
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
    let packPolicy = pack?.policy(tool: tool.name, arguments: arguments, today: CivilDate(now))
    if let rule = rule(for: tool.name) {
      guard let freshness = rule.freshness else { return CallPolicy(caching: .bypass, provider: packPolicy?.provider) }
      // Where the pack knows the arguments, its key and its dates are better than the plain ones.
      if var policy = packPolicy, policy.caching != .bypass {
        policy.caching = .cached(freshness)
        return policy
      }
      return Self.plain(arguments, freshness, provider: packPolicy?.provider)
    }
    if let packPolicy { return packPolicy }
    if let trustedAnnotations, tool.readOnlyHint { return Self.plain(arguments, trustedAnnotations, provider: nil) }
    return CallPolicy(caching: .bypass)
  }

  /// What a result is; without a pack, everything that is no error is an answer.
  package func examine(tool: Name, result: JSONValue, isError: Bool) -> ResultVerdict {
    if let pack { return pack.examine(tool: tool, result: result, isError: isError) }
    return isError ? .notAnAnswer : .answer(bytes: nil, cap: nil, requests: nil)
  }

  /// What happens with calls of a tool, in words for whoever checks a configuration.
  package func describe(_ tool: ToolDefinition) -> String {
    if let rule = rule(for: tool.name) { return rule.freshness.map { "cached for \($0.words)" } ?? "passed through, by rule" }
    if let pack { return pack.describe(tool: tool.name) }
    if let trustedAnnotations, tool.readOnlyHint { return "cached for \(trustedAnnotations.words), since it says it is read-only" }
    return "passed through"
  }

  /// The first rule whose pattern matches.
  package func rule(for tool: Name) -> CacheRule? {
    rules.first { Glob.matches($0.tool.utf8, tool.utf8) }
  }

  private static func plain(_ arguments: JSONValue?, _ freshness: Freshness, provider: Name?) -> CallPolicy {
    guard let query = arguments ?? JSONValue.emptyObject, let canonical = try? query.canonical() else {
      return CallPolicy(caching: .bypass, provider: provider)
    }
    return CallPolicy(caching: .cached(freshness), keyArguments: canonical, provider: provider)
  }
}
