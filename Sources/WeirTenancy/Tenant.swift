package import WeirCore

/// A team that shares Weir with others: its keys, and what it may call.
package struct Tenant: Sendable {
  /// One API key of a tenant: what it is called in logs, and the digest of the key.
  package struct Key: Sendable {
    package let name: Name
    package let digest: KeyDigest

    package init(name: Name, digest: KeyDigest) {
      self.name = name
      self.digest = digest
    }
  }

  package let name: Name
  package let keys: [Key]
  /// What it may call; nothing is allowed that no pattern names.
  package let allow: [ToolPattern]

  package init(name: Name, keys: [Key], allow: [ToolPattern]) {
    self.name = name
    self.keys = keys
    self.allow = allow
  }

  /// True where a pattern of `allow` matches.
  package func mayCall(upstream: Name, tool: Name) -> Bool {
    allow.contains { $0.matches(upstream: upstream, tool: tool) }
  }

  /// True where a pattern of `allow` means every tool of this upstream. Only then is what an upstream has beside its tools for this tenant.
  package func mayUseAll(of upstream: Name) -> Bool {
    allow.contains { $0.matchesAll(of: upstream) }
  }
}
