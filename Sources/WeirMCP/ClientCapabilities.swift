package import WeirJSON

/// What a client declares that it can be asked (schema `ClientCapabilities` of both eras).
package enum ClientCapabilities {
  /// More than this is nobody's capabilities.
  private static let maxBytes = 4096
  private static let relayed = ["sampling", "elicitation", "roots"]
  private static let extensions = "extensions"
  /// Extensions that need nothing of who stands between client and server: MCP Apps live in `_meta` and in resources.
  private static let relayedExtensions = ["io.modelcontextprotocol/ui"]
  /// The same where every request declares them anew: a server answers with a task only whom it knows to understand one.
  private static let relayedModernExtensions = relayedExtensions + [MetaKey.tasksExtension]

  /// Whether a client that declared this may be asked that: servers must not ask what was not declared (MCP 2025-11-25, client features).
  /// - Parameters:
  ///   - params: of the request, a JSON object.
  ///   - capabilities: what `relayable` gave.
  package static func permit(_ method: String, _ params: [UInt8]?, in capabilities: [UInt8]?) -> Bool {
    guard let declared = capabilities.flatMap({ try? JSONDocument(parsing: $0).root }) else { return false }
    switch method {
    case MCPMethod.createMessage:
      guard let sampling = declared["sampling"] else { return false }
      let asked = params.flatMap { try? JSONDocument(parsing: $0).root }
      return sampling["tools"] != nil || (asked?["tools"] == nil && asked?["toolChoice"] == nil)
    case MCPMethod.rootsList: return declared["roots"] != nil
    case MCPMethod.elicit:
      guard let elicitation = declared["elicitation"] else { return false }
      let isByURL = params.flatMap { try? JSONDocument(parsing: $0).root }?["mode"]?.isString("url") == true
      // Empty means forms only.
      return isByURL ? elicitation["url"] != nil : elicitation.count == 0 || elicitation["form"] != nil
    default: return true
    }
  }

  /// Whether requests of this client may be answered with a task (the extension of MCP 2026-07-28).
  package static func knowsTasks(_ capabilities: [UInt8]?) -> Bool {
    capabilities.flatMap { try? JSONDocument(parsing: $0).root }?[extensions]?[MetaKey.tasksExtension] != nil
  }

  /// Whether this client says when its roots change.
  package static func tellOfRoots(_ capabilities: [UInt8]?) -> Bool {
    capabilities.flatMap { try? JSONDocument(parsing: $0).root }?["roots"]?["listChanged"]?.bool == true
  }

  /// The same of a client of which nobody will tell when its roots change.
  package static func withoutNewsOfRoots(_ capabilities: [UInt8]?) -> [UInt8]? {
    guard let declared = capabilities.flatMap({ try? JSONDocument(parsing: $0).root }), let roots = declared["roots"] else { return capabilities }
    return declared.setting("roots", to: roots.removing(["listChanged"]))
  }

  /// The part of the declared capabilities that Weir can relay, a JSON object; nil where that is nothing.
  package static func relayable(of declared: JSONValue?, era: ProtocolEra = .legacy) -> [UInt8]? {
    guard let declared, declared.kind == .object, declared.count > 0 else { return nil }
    var writer = JSONWriter()
    var isEmpty = true
    writer.beginObject()
    for name in relayed {
      guard let value = declared[name], value.kind == .object else { continue }
      writer.memberRaw(name, value.rawBytes)
      isEmpty = false
    }
    let extensible = era == .modern ? relayedModernExtensions : relayedExtensions
    let known = extensible.compactMap { name in declared[extensions]?[name].map { (name, $0) } }
    if !known.isEmpty {
      writer.key(extensions)
      writer.beginObject()
      for (name, value) in known { writer.memberRaw(name, value.rawBytes) }
      writer.endObject()
      isEmpty = false
    }
    writer.endObject()
    return isEmpty || writer.bytes.count > maxBytes ? nil : writer.bytes
  }
}
