internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirTenancy

/// The names that a purge may speak of: a misspelt one would purge nothing, and nobody would know.
package struct KnownScopes: Sendable {
  private let upstreams: [Name]
  private let tenants: [Name]
  private let tags: [Name]

  package init(_ settings: Settings) {
    upstreams = settings.upstreams.map(\.name)
    tenants = settings.tenants.isEmpty ? [SettingsReader.localTenant] : settings.tenants.map(\.name)
    tags = Set(settings.upstreams.flatMap { $0.tags + $0.toolTags.flatMap(\.tags) }).sorted()
  }

  /// Why this scope can't be meant; nil where it can.
  func fault(of scope: PurgeScope) -> String? {
    switch scope {
    case .all, .key: nil
    case .upstream(let name), .tool(let name, _): Self.fault(name, "upstream", upstreams)
    case .tenant(let name): Self.fault(name, "tenant", tenants)
    case .tag(let name): Self.fault(name, "tag", tags)
    }
  }

  private static func fault(_ name: Name, _ kind: String, _ known: [Name]) -> String? {
    guard !known.contains(name) else { return nil }
    let names = known.isEmpty ? "there is none in the configuration" : "known: \(known.map(\.string).joined(separator: ", "))"
    return "there is no \(kind) \"\(name)\"; \(names)"
  }
}
