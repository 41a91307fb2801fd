internal import NIOConcurrencyHelpers
package import WeirCore

/// Which tools there are now, under which names. Readers take a snapshot; upstreams replace their own part of it.
package final class ToolDirectory: UpstreamObserver {
  /// Stands between the upstream's name and the tool's in aggregate names; upstream names hold no underscore.
  package static let separator = "__"
  /// The longest tool name that clients accept (MCP 2026-07-28, tools, "Tool names").
  package static let maxNameLength = 128

  /// Everything known at one moment. Immutable.
  package struct Snapshot: Sendable {
    fileprivate(set) var catalogs: [Name: UpstreamCatalog] = [:]
    fileprivate(set) var states: [Name: UpstreamState] = [:]
    fileprivate(set) var routes: [Name: [ToolRoute]] = [:]
    fileprivate(set) var byAggregateName: [Name: ToolRoute] = [:]
    fileprivate(set) var byUpstream: [Name: [Name: ToolRoute]] = [:]
    fileprivate let settings: [Name: UpstreamSettings]
  }

  let settings: [Name: UpstreamSettings]
  private let current: NIOLockedValueBox<Snapshot>
  private let onChange: @Sendable (_ upstream: Name, UpstreamFeatures) -> Void

  /// - Parameter onChange: called after lists changed, or are said to have, with those that did: tools, resources, prompts.
  package init(upstreams: [UpstreamSettings], onChange: @escaping @Sendable (_ upstream: Name, UpstreamFeatures) -> Void = { _, _ in }) {
    self.settings = Dictionary(upstreams.map { ($0.name, $0) }) { first, _ in first }
    var snapshot = Snapshot(settings: settings)
    for upstream in upstreams { snapshot.states[upstream.name] = .connecting }
    self.current = NIOLockedValueBox(snapshot)
    self.onChange = onChange
  }

  package var snapshot: Snapshot { current.withLockedValue { $0 } }

  /// The configured upstreams' names, sorted.
  package var upstreamNames: [Name] { settings.keys.sorted() }

  /// True for the name of a configured upstream.
  package func has(_ upstream: Name) -> Bool { settings[upstream] != nil }

  package func upstream(_ name: Name, offers catalog: UpstreamCatalog, announced: UpstreamFeatures) {
    guard let settings = settings[name] else { return }
    let routes = catalog.tools.map { ToolRoute(settings: settings, tool: $0) }
    let changed = current.withLockedValue { snapshot -> UpstreamFeatures in
      let before = snapshot.catalogs[name]
      guard before != catalog else { return announced }
      for route in snapshot.routes[name] ?? [] { snapshot.byAggregateName[route.aggregateName] = nil }
      snapshot.catalogs[name] = catalog
      snapshot.routes[name] = routes
      snapshot.byUpstream[name] = Dictionary(routes.map { ($0.tool.name, $0) }) { first, _ in first }
      for route in routes where route.aggregateName.utf8.count <= Self.maxNameLength { snapshot.byAggregateName[route.aggregateName] = route }
      return catalog.changes(from: before).union(announced)
    }
    if !changed.isEmpty { onChange(name, changed) }
  }

  package func upstream(_ name: Name, became state: UpstreamState) {
    guard settings[name] != nil else { return }
    current.withLockedValue { $0.states[name] = state }
  }
}

extension ToolDirectory.Snapshot {
  /// Stage *resolve*: the tool that this name means at this endpoint. An upstream's own endpoint brings it names that it has not listed, too:
  /// tools may come and go between two lists, and what there is not it says best itself.
  package func route(named name: Name, at endpoint: Endpoint) -> ToolRoute? {
    switch endpoint {
    case .aggregate: return byAggregateName[name]
    case .upstream(let upstream):
      if let route = byUpstream[upstream]?[name] { return route }
      guard let settings = settings[upstream], catalogs[upstream] != nil, name.utf8.count <= ToolDirectory.maxNameLength else { return nil }
      return .unlisted(name, of: settings)
    }
  }

  /// The routes of an endpoint: upstreams sorted by name, tools in their upstream's order.
  package func routes(at endpoint: Endpoint) -> [ToolRoute] {
    switch endpoint {
    case .aggregate:
      routes.keys.sorted().flatMap { routes[$0] ?? [] }.filter { $0.aggregateName.utf8.count <= ToolDirectory.maxNameLength }
    case .upstream(let name): routes[name] ?? []
    }
  }

  /// The state of an upstream.
  package func state(of upstream: Name) -> UpstreamState? { states[upstream] }

  /// The instructions of one upstream, as it gave them.
  package func ownInstructions(of upstream: Name) -> String? { catalogs[upstream]?.instructions }

  /// The instructions of the upstreams that `isIncluded`, each under its name, at most `limit` bytes altogether.
  package func instructions(limit: Int = 4096, isIncluded: (Name) -> Bool) -> String? {
    var parts: [String] = []
    var length = 0
    for name in catalogs.keys.sorted() where isIncluded(name) {
      guard let text = catalogs[name]?.instructions, !text.isEmpty else { continue }
      let part = "## \(name)\n\(text)"
      guard length + part.utf8.count <= limit else { continue }
      length += part.utf8.count
      parts.append(part)
    }
    return parts.isEmpty ? nil : parts.joined(separator: "\n\n")
  }
}
