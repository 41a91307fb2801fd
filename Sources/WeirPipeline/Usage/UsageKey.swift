package import WeirCore

/// What usage is counted by: who asked, and what.
package struct UsageKey: Hashable, Comparable, Sendable {
  package let tenant: Name
  package let upstream: Name
  package let provider: Name
  /// The upstream's own name of the tool.
  package let tool: Name

  package init(tenant: Name, upstream: Name, provider: Name, tool: Name) {
    self.tenant = tenant
    self.upstream = upstream
    self.provider = provider
    self.tool = tool
  }

  /// The same with a tool that stands for all that have no row of their own.
  var withoutTool: UsageKey { UsageKey(tenant: tenant, upstream: upstream, provider: provider, tool: Self.other) }

  /// Stands for everything that has no row of its own.
  static let rest = UsageKey(tenant: other, upstream: other, provider: other, tool: other)
  private static let other: Name = "(other)"

  /// How much this one stands for: a tool, all others of a tenant, or all others.
  private var breadth: Int { tool != Self.other ? 0 : tenant != Self.other ? 1 : 2 }

  /// The tool first: it is what differs.
  package static func == (left: UsageKey, right: UsageKey) -> Bool {
    left.tool == right.tool && left.tenant == right.tenant && left.upstream == right.upstream && left.provider == right.provider
  }

  /// By tenant, upstream, provider and tool; rows that stand for others come last, so that they take no room from those in a copy.
  package static func < (left: UsageKey, right: UsageKey) -> Bool {
    if left.breadth != right.breadth { return left.breadth < right.breadth }
    if left.tenant != right.tenant { return left.tenant < right.tenant }
    if left.upstream != right.upstream { return left.upstream < right.upstream }
    if left.provider != right.provider { return left.provider < right.provider }
    return left.tool < right.tool
  }
}
