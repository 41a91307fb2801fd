package import WeirCore

/// An operator's rule for the tools of a server that no pack knows: `cache: [{ tool: "get_*", ttl: 24h, stale: 7d }]`.
package struct CacheRule: Sendable {
  /// The tools it speaks of; `*` stands for any run of characters.
  package let tool: String
  /// Nil means: never cache these.
  package let freshness: Freshness?

  package init(tool: String, freshness: Freshness?) {
    self.tool = tool
    self.freshness = freshness
  }
}
