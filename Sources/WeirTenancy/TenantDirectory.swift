package import WeirCore

/// Every tenant, and the one way from a credential to an `Identified` caller.
package struct TenantDirectory: Sendable {
  private let tenants: [Name: Tenant]
  private let keys: [(digest: KeyDigest, caller: Identified)]
  private let anonymous: Identified?
  private let principals: Set<Name>

  /// Tenants with keys: a caller without a valid key is refused.
  package init(tenants: [Tenant]) {
    self.tenants = Dictionary(tenants.map { ($0.name, $0) }) { first, _ in first }
    self.keys = tenants.flatMap { tenant in
      tenant.keys.map { ($0.digest, Identified(tenant: tenant.name, principal: Name("\(tenant.name)/\($0.name)"))) }
    }
    self.anonymous = nil
    self.principals = Set(keys.map(\.caller.principal))
  }

  private init(local: Tenant) {
    self.tenants = [local.name: local]
    self.keys = []
    let anonymous = Identified(tenant: local.name, principal: Name("\(local.name)/anonymous"))
    self.anonymous = anonymous
    self.principals = [anonymous.principal]
  }

  /// One tenant `local` that everybody is, and that may call everything: for a Weir that listens on loopback only.
  package static let local = TenantDirectory(local: Tenant(name: "local", keys: [], allow: ToolPattern("*").map { [$0] } ?? []))

  /// Everybody is the same tenant, whatever they present.
  package var isOpen: Bool { anonymous != nil }

  /// Whether anybody may be this principal.
  package func has(principal: Name) -> Bool { principals.contains(principal) }

  /// The tenant of this name.
  package func tenant(_ name: Name) -> Tenant? { tenants[name] }

  /// Who presents this credential. The presented key is compared with every known digest, so the time says nothing about which one came close.
  /// - Throws: `unauthenticated`, with the same message whatever was wrong.
  package func identify(_ credential: PresentedCredential) throws(CallError) -> Identified {
    if let anonymous { return anonymous }
    let digest: KeyDigest
    switch credential {
    case .none: throw Self.refusal
    case .bearer(let bytes), .apiKey(let bytes): digest = APIKey.digest(of: bytes)
    }
    var found: Identified?
    for key in keys where key.digest.matches(digest) { found = key.caller }
    guard let found else { throw Self.refusal }
    return found
  }

  private static let refusal = CallError(
    .unauthenticated,
    "This Weir needs an API key: send \"Authorization: Bearer <key>\" or \"X-API-Key: <key>\" with a key that its operator gave you.")
}
