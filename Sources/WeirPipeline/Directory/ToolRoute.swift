internal import WeirCache
package import WeirCore
internal import WeirJSON
internal import WeirMCP
internal import WeirTenancy

/// One tool of one upstream: where a call of it goes, and how it is listed.
package final class ToolRoute: Sendable {
  package let settings: UpstreamSettings
  package let tool: ToolDefinition
  /// `<upstream>__<tool>`.
  package let aggregateName: Name
  /// The definition under its aggregate name.
  let aggregateJSON: [UInt8]
  /// The resource that is the tool's user interface (MCP Apps, `_meta.ui.resourceUri`).
  let interface: Name?
  /// Its results are described as something other than an object, which the handshake era does not know.
  private let hasLooseOutput: Bool
  let share: SharingClass
  /// What its answers can be purged by.
  private let scopes: PurgeScopes
  /// What calls repeat in headers.
  let headerParameters: HeaderParameters?
  /// False for a tool that its upstream has not listed: it may answer all the same, or say itself that it has none of that name.
  let isListed: Bool

  init(settings: UpstreamSettings, tool: ToolDefinition, isListed: Bool = true) {
    self.isListed = isListed
    self.settings = settings
    self.tool = tool
    self.aggregateName = Name("\(settings.name)\(ToolDirectory.separator)\(tool.name)")
    self.share = settings.share(of: tool.name)
    self.scopes = settings.scopes(of: tool.name)
    let definition = try? JSONDocument(parsing: tool.json)
    self.interface = definition?.root["_meta"]?["ui"]?["resourceUri"]?.stringBytes.flatMap { Name(utf8: $0) }
    self.hasLooseOutput = definition?.root["outputSchema"].map { $0["type"]?.isString("object") != true } ?? false
    let parameters = HeaderParameters(schema: definition?.root["inputSchema"])
    self.headerParameters = parameters?.parameters.isEmpty == false ? parameters : nil
    self.aggregateJSON = definition?.root.setting("name", to: JSONWriter.quoted(aggregateName.string)) ?? tool.json
  }

  /// The route of a tool that its upstream has not listed. Nothing is known of it, so nothing is kept of its answers.
  static func unlisted(_ name: Name, of settings: UpstreamSettings) -> ToolRoute {
    ToolRoute(settings: settings, tool: ToolDefinition(name: name, json: [], readOnlyHint: false, digest: []), isListed: false)
  }

  /// What the tool is called in records, which names that callers make up must not fill.
  var recordedName: Name { isListed ? tool.name : "unlisted" }

  /// A definition as clients of this era can read it: one `outputSchema` that they do not take would cost them the whole list.
  func definition(_ json: [UInt8], for era: ProtocolEra) -> [UInt8] {
    guard era == .legacy, hasLooseOutput, let root = try? JSONDocument(parsing: json).root else { return json }
    return root.removing(["outputSchema"])
  }

  /// The definition at the aggregate, where the tool's user interface may be called otherwise than at its upstream.
  func aggregateJSON(interface alias: Name?) -> [UInt8] {
    guard let alias, let root = try? JSONDocument(parsing: aggregateJSON).root, let meta = root["_meta"], let ui = meta["ui"] else {
      return aggregateJSON
    }
    return root.setting("_meta", to: meta.setting("ui", to: ui.setting("resourceUri", to: JSONWriter.quoted(alias.string))))
  }

  /// The partition that an answer for this caller lies in.
  func partition(for caller: Identified) -> Partition {
    share.partition(for: caller)
  }

  /// What purges the answers that this caller is given.
  func scopes(for caller: Identified) -> PurgeScopes { scopes.asked(by: caller.tenant, isShared: share == .all) }

  /// Makes the keys of calls of this tool by this caller.
  func keys(for caller: Identified) -> CacheKeyBuilder {
    CacheKeyBuilder(
      partition: partition(for: caller), upstream: settings.name, credential: settings.credential, definition: tool.digest,
      // Who wants no sums finds none, not even those of another replica, or of the time before a reload.
      method: settings.derivesSums ? "tools/call, with sums" : "tools/call", tool: tool.name)
  }
}

extension SharingClass {
  /// Whose answers this caller is given, and gives.
  func partition(for caller: Identified) -> Partition {
    switch self {
    case .all: .all
    case .tenant: .tenant(caller.tenant)
    case .principal: .principal(caller.principal)
    }
  }
}
