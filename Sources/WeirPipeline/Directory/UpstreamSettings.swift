package import WeirBilling
package import WeirCache
package import WeirCore
internal import WeirTenancy

/// What the operator decided about one upstream, as far as the pipeline is concerned.
package struct UpstreamSettings: Sendable {
  package let name: Name
  /// Stands for the credential that the upstream is called with; changes when the credential does. Part of every key.
  package let credential: Name
  package let policy: UpstreamPolicy
  /// The provider of calls for which the pack names none, or its main one.
  package let provider: Name
  package let share: SharingClass
  /// Classes of single tools; the first pattern that matches counts.
  package let toolShares: [(tool: String, share: SharingClass)]
  /// Tags of all its answers, and further ones of single tools: all patterns that match count.
  package let tags: [Name]
  package let toolTags: [(tool: String, tags: [Name])]
  /// How long a call may take, all waiting included.
  package let callTimeout: Duration
  /// How long an answer of `resources/read` is kept where the upstream does not say; zero: it is not kept.
  package let resourceTTL: Duration
  /// Whether all callers share the server's state: then what one reads, another would read, too.
  package let sharesSessions: Bool
  /// Whether answers over a range of time are put together from the buckets that are known.
  package let reusesBuckets: Bool
  /// Whether a question may be asked in wider terms where that costs no more, so that others find their answers too. Needs the buckets.
  package let widens: Bool
  /// Whether answers may hold amounts that Weir added up, labelled so. Needs the wider questions.
  package let derivesSums: Bool

  package init(
    name: Name, credential: Name, policy: UpstreamPolicy, provider: Name, share: SharingClass, toolShares: [(tool: String, share: SharingClass)] = [],
    tags: [Name] = [], toolTags: [(tool: String, tags: [Name])] = [], callTimeout: Duration, resourceTTL: Duration = .zero,
    sharesSessions: Bool = true,
    reusesBuckets: Bool = true, widens: Bool = true, derivesSums: Bool = false
  ) {
    self.name = name
    self.credential = credential
    self.policy = policy
    self.provider = provider
    self.share = share
    self.toolShares = toolShares
    self.tags = tags
    self.toolTags = toolTags
    self.callTimeout = callTimeout
    self.resourceTTL = resourceTTL
    self.sharesSessions = sharesSessions
    self.reusesBuckets = reusesBuckets
    self.widens = reusesBuckets && widens
    self.derivesSums = reusesBuckets && widens && derivesSums
  }

  /// Who bills a call for which the policy names this provider: an operator's `provider:` stands in for the main one of the pack, so that two
  /// accounts can have a lane and a budget each.
  func provider(named name: Name?) -> Name {
    guard let name, name != policy.pack?.providers.first?.name else { return provider }
    return name
  }

  /// What the answers of this tool can be purged by; nil: what is no tool's answer.
  package func scopes(of tool: Name?) -> PurgeScopes {
    let further = toolTags.flatMap { rule in tool.map { Glob.matches(rule.tool.utf8, $0.utf8) } == true ? rule.tags : [] }
    return PurgeScopes(upstream: name, tool: tool, tags: (tags + further).reduce(into: []) { if !$0.contains($1) { $0.append($1) } })
  }

  /// Who shares the answers of this tool.
  package func share(of tool: Name) -> SharingClass {
    toolShares.first { Glob.matches($0.tool.utf8, tool.utf8) }?.share ?? share
  }
}
