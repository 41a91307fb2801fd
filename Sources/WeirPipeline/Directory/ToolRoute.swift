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
  let share: SharingClass
  /// What calls repeat in headers.
  let headerParameters: HeaderParameters?

  init(settings: UpstreamSettings, tool: ToolDefinition) {
    self.settings = settings
    self.tool = tool
    self.aggregateName = Name("\(settings.name)\(ToolDirectory.separator)\(tool.name)")
    self.share = settings.share(of: tool.name)
    let definition = try? JSONDocument(parsing: tool.json)
    let parameters = HeaderParameters(schema: definition?.root["inputSchema"])
    self.headerParameters = parameters?.parameters.isEmpty == false ? parameters : nil
    self.aggregateJSON = definition?.root.setting("name", to: JSONWriter.quoted(aggregateName.string)) ?? tool.json
  }

  /// The partition that an answer for this caller lies in.
  func partition(for caller: Identified) -> Partition {
    switch share {
    case .all: .all
    case .tenant: .tenant(caller.tenant)
    case .principal: .principal(caller.principal)
    }
  }

  /// Makes the keys of calls of this tool by this caller.
  func keys(for caller: Identified) -> CacheKeyBuilder {
    CacheKeyBuilder(
      partition: partition(for: caller), upstream: settings.name, credential: settings.credential, definition: tool.digest,
      method: "tools/call", tool: tool.name)
  }
}
