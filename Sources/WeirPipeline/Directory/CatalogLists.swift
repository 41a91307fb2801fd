package import WeirCore
internal import WeirJSON

/// Resources, resource templates and prompts of one upstream, or of several as one.
extension ToolDirectory.Snapshot {
  package func features(of upstream: Name) -> UpstreamFeatures { catalogs[upstream]?.features ?? [] }

  /// The definitions of these upstreams for an endpoint. At the aggregate prompts have their upstream's name before theirs; a resource whose URI
  /// another upstream before it lists has it in its scheme.
  func items(_ kind: CatalogKind, at endpoint: Endpoint, of upstreams: [Name]) -> [ListPages.Element] {
    let isAggregate = endpoint == .aggregate
    var taken: Set<Name> = []
    return upstreams.flatMap { upstream in
      (catalogs[upstream]?.items[kind] ?? []).map { item in
        let name: String
        switch kind {
        case _ where !isAggregate: return (item.key, item.json)
        case .prompts: name = "\(upstream)\(ToolDirectory.separator)\(item.key)"
        case .resources, .resourceTemplates:
          if taken.insert(item.key).inserted { return (item.key, item.json) }
          name = "\(upstream)\(ToolDirectory.uriSeparator)\(item.key)"
        }
        return (Name(name), item.json(named: name, as: kind))
      }
    }
  }
}

extension CatalogItem {
  fileprivate func json(named name: String, as kind: CatalogKind) -> [UInt8] {
    (try? JSONDocument(parsing: json))?.root.setting(kind.keyMember, to: JSONWriter.quoted(name)) ?? json
  }
}

extension UpstreamCatalog {
  /// The lists that are others than before: tools, resources with their templates, prompts.
  func changes(from before: UpstreamCatalog?) -> UpstreamFeatures {
    var changes: UpstreamFeatures = []
    if before?.tools ?? [] != tools { changes.insert(.tools) }
    func list(_ kind: CatalogKind, of catalog: UpstreamCatalog?) -> [CatalogItem] { catalog?.items[kind] ?? [] }
    for kind in CatalogKind.allCases where list(kind, of: before) != list(kind, of: self) { changes.insert(kind.feature) }
    return changes
  }
}
