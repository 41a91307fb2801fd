/// The kinds of things that an upstream lists beside its tools.
package enum CatalogKind: Sendable, Hashable, CaseIterable {
  case resources
  case resourceTemplates
  case prompts

  /// The capability without which a server has none of them.
  package var feature: UpstreamFeatures {
    switch self {
    case .resources, .resourceTemplates: .resources
    case .prompts: .prompts
    }
  }

  /// The method that lists them (schema.ts of both eras).
  package var listMethod: String {
    switch self {
    case .resources: "resources/list"
    case .resourceTemplates: "resources/templates/list"
    case .prompts: "prompts/list"
    }
  }

  /// The member of the list's result that has the elements.
  package var listMember: String {
    switch self {
    case .resources: "resources"
    case .resourceTemplates: "resourceTemplates"
    case .prompts: "prompts"
    }
  }

  /// The member of an element that names it.
  package var keyMember: String {
    switch self {
    case .resources: "uri"
    case .resourceTemplates: "uriTemplate"
    case .prompts: "name"
    }
  }
}

/// One resource, resource template or prompt as its upstream describes it. The description's bytes reach clients unchanged.
package struct CatalogItem: Sendable, Equatable {
  /// The URI, the URI template, or the prompt's name.
  package let key: Name
  /// The whole definition object, as the upstream sent it.
  package let json: [UInt8]

  package init(key: Name, json: [UInt8]) {
    self.key = key
    self.json = json
  }
}

/// The capabilities of a server that Weir can pass on (MCP 2025-11-25 and 2026-07-28, schema `ServerCapabilities`).
package struct UpstreamFeatures: OptionSet, Sendable, Hashable {
  package let rawValue: Int

  package init(rawValue: Int) { self.rawValue = rawValue }

  package static let tools = UpstreamFeatures(rawValue: 1)
  package static let resources = UpstreamFeatures(rawValue: 2)
  package static let subscriptions = UpstreamFeatures(rawValue: 4)
  package static let prompts = UpstreamFeatures(rawValue: 8)
  package static let completions = UpstreamFeatures(rawValue: 16)
  package static let logging = UpstreamFeatures(rawValue: 32)
  /// The server speaks the handshake era: what it wants to know it asks before it answers, and not by its answer.
  package static let asksOnTheWay = UpstreamFeatures(rawValue: 64)
  /// Tool calls may be made tasks as 2025-11-25 tries it out.
  package static let tasks = UpstreamFeatures(rawValue: 128)
  package static let taskLists = UpstreamFeatures(rawValue: 256)
  package static let taskCancellation = UpstreamFeatures(rawValue: 512)
  /// The extension `io.modelcontextprotocol/tasks` of 2026-07-28.
  package static let taskExtension = UpstreamFeatures(rawValue: 1024)
}
