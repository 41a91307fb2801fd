/// An operator's rule for some tools of a server: `cache: [{ tool: "get_*", ttl: 24h, stale: 7d }]`. It goes before a pack's freshness, not
/// before what a pack refuses.
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
