internal import WeirCore
internal import WeirJSON
internal import WeirMCP

/// Resources that a tool or a prompt names, as clients of the aggregate know them: where a URI alone would mean another upstream's resource, its
/// upstream stands before it, as in the list.
struct ResourceLinks {
  let upstream: Name
  /// Those whose resources this caller may read.
  let upstreams: [Name]
  let snapshot: ToolDirectory.Snapshot

  /// - Throws: `upstreamInvalid`.
  func renaming(_ result: CallResult) throws(CallError) -> CallResult {
    guard result.namesResources, upstreams.count > 1, let root = try? JSONDocument(parsing: result.bytes, limits: .upstreamResult).root else {
      return result
    }
    if let content = root["content"] { return try result.replacing(root.setting("content", to: renamed(content))) }
    guard let messages = root["messages"], messages.kind == .array else { return result }
    let renamed = Self.array(
      messages.elements.map { message in
        message["content"].map { message.setting("content", to: self.renamed($0)) } ?? message.raw
      })
    return try result.replacing(root.setting("messages", to: renamed))
  }

  /// The result of `resources/read`: what was asked for under the URI that its client used, anything else as in the list.
  /// - Throws: `upstreamInvalid`.
  func renamingContents(of result: CallResult, asked target: RelayTarget) throws(CallError) -> CallResult {
    guard upstreams.count > 1 || target.aliasedURI != nil, let root = try? JSONDocument(parsing: result.bytes, limits: .upstreamResult).root,
      let contents = root["contents"], contents.kind == .array
    else { return result }
    let elements = contents.elements.map { (own: $0.raw, renamed: renamedURI($0, asked: target)) }
    if elements.allSatisfy({ $0.own == $0.renamed }) { return result }
    return try result.replacing(root.setting("contents", to: Self.array(elements.map(\.renamed))))
  }

  /// An object with its `uri` as the client knows it that asked for this.
  func renamedURI(_ object: JSONValue, asked target: RelayTarget) -> [UInt8] {
    guard let name = target.name, object["uri"]?.isString(name.string) == true else { return renamedURI(object) }
    return target.aliasedURI.map { object.setting("uri", to: JSONWriter.quoted($0.string)) } ?? object.raw
  }

  /// A block of content, or an array of them.
  private func renamed(_ content: JSONValue) -> [UInt8] {
    if content.kind == .array { return Self.array(content.elements.map { renamed($0) }) }
    if content["type"]?.isString("resource_link") == true { return renamedURI(content) }
    guard content["type"]?.isString("resource") == true, let resource = content["resource"], resource.kind == .object else { return content.raw }
    return content.setting("resource", to: renamedURI(resource))
  }

  private func renamedURI(_ object: JSONValue) -> [UInt8] {
    guard let uri = object["uri"]?.stringBytes.flatMap({ Name(utf8: $0) }),
      let alias = snapshot.alias(of: uri, from: upstream, among: upstreams)
    else { return object.raw }
    return object.setting("uri", to: JSONWriter.quoted(alias.string))
  }

  private static func array(_ elements: [[UInt8]]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    for element in elements { writer.raw(element) }
    writer.endArray()
    return writer.bytes
  }
}
