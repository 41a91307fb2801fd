package import WeirCore

/// What a client presented to say who it is. Its description never shows the secret.
package enum PresentedCredential: Sendable, CustomStringConvertible {
  case none
  /// `Authorization: Bearer …` (RFC 6750, section 2.1), the token's bytes.
  case bearer([UInt8])
  /// `X-API-Key: …`, the key's bytes.
  case apiKey([UInt8])

  package var description: String {
    switch self {
    case .none: "no credential"
    case .bearer: "bearer token ***"
    case .apiKey: "API key ***"
    }
  }
}

/// Who calls: the key (later: issuer and subject) and the tenant it belongs to. Made only by a `TenantDirectory`.
package struct Identified: Sendable, Hashable {
  /// The tenant's name, as the operator configured it.
  package let tenant: Name
  /// Unique within the process: `<tenant>/<key name>`. Sessions and principal-scoped cache entries are bound to it.
  package let principal: Name

  init(tenant: Name, principal: Name) {
    self.tenant = tenant
    self.principal = principal
  }
}
