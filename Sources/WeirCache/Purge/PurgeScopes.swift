package import WeirCore

/// The scopes of a call beside `all` and its own key: a purge of any of them covers what the call would be answered with.
package struct PurgeScopes: Sendable {
  /// The upstream, the tool and their tags: the same for all callers.
  private let fixed: [PurgeScope]
  private let tenant: Name?
  /// The answer may be other tenants' too: the purge of one does not remove it.
  private let isShared: Bool

  /// None: for what nobody can name in a purge.
  package static let none = PurgeScopes(fixed: [], tenant: nil)

  /// - Parameter tool: nil for what is no tool's answer, such as a resource.
  package init(upstream: Name, tool: Name?, tags: [Name]) {
    let tools = tool.map { [PurgeScope.tool(upstream: upstream, tool: $0)] } ?? []
    self.init(fixed: [.upstream(upstream)] + tools + tags.map { .tag($0) }, tenant: nil)
  }

  private init(fixed: [PurgeScope], tenant: Name?, isShared: Bool = false) {
    self.fixed = fixed
    self.tenant = tenant
    self.isShared = isShared
  }

  /// The same for a caller of this tenant.
  /// - Parameter isShared: whether callers of other tenants are given the same answer.
  package func asked(by tenant: Name, isShared: Bool) -> PurgeScopes { PurgeScopes(fixed: fixed, tenant: tenant, isShared: isShared) }

  /// What makes the answer worth nothing to anybody.
  var ofAnswer: PurgeScopes { isShared ? PurgeScopes(fixed: fixed, tenant: nil) : self }

  func contains(where isMarked: (PurgeScope) -> Bool) -> Bool {
    fixed.contains(where: isMarked) || tenant.map { isMarked(.tenant($0)) } ?? false
  }
}
