package import WeirJSON

/// What the operator decides about the front.
package struct FrontConfiguration: Sendable {
  /// Where clients connect.
  package var address: FrontAddress
  /// Where `/metrics`, `/healthz` and `/readyz` are served instead, where they have a listener of their own. Health stays on both.
  package var adminAddress: FrontAddress?
  /// The origin that clients use, such as `https://mcp.finops.example.com`: its host is allowed in `Host`, and itself in `Origin`.
  package var publicURL: String?
  /// Further hosts that `Host` may name, without a port: `mcp.internal`.
  package var allowedHosts: [String] = []
  /// Origins of web pages that may call (`Origin`, and the CORS answers), such as `https://inspector.example.com`.
  package var allowedOrigins: [String] = []
  /// The version that `serverInfo` names.
  package var version: String
  /// For how long a `server/discover` answer may be called fresh.
  package var discoverTTL: Duration = .seconds(60)
  package var limits = FrontLimits()
  /// Limits of a request's JSON; its size is bounded by `limits.maxBodyBytes`.
  package var json = JSONLimits(maxBytes: .max, maxDepth: 64, maxMembers: 100_000)

  package init(address: FrontAddress, version: String) {
    self.address = address
    self.version = version
  }
}
