package import WeirJSON

/// The result of `tools/call` in a form that belongs to no era and no connection, ready to be sent any number of times.
///
/// The upstream's bytes are kept, but for three things that are said anew on every connection (`resultType`, `_meta` members `serverInfo` and
/// `weir/cache`) and for line breaks between tokens, which become spaces: a message is one line.
package struct ToolResult: Sendable, Equatable {
  /// A JSON object without whitespace around it.
  package let bytes: [UInt8]
  /// Whether the tool says that it failed. Anything but an absent, null or false `isError` counts as failure, so that nothing doubtful is kept.
  package let isError: Bool
  /// Where a member can be added to the object, and whether a comma is needed for it.
  private let end: Place
  /// Where a member can be added to `_meta`, if there is one.
  private let metaEnd: Place?

  private struct Place: Sendable, Equatable {
    let offset: Int
    let needsComma: Bool
  }

  private static let resultType = "resultType"

  /// Takes the `result` of an upstream's response. Throws `internalError` where it is no object, its `_meta` is none, its `content` is no array of
  /// objects (required by every revision), or its `resultType` is another than `complete` (MCP 2026-07-28: `input_required`, and what extensions
  /// add). `structuredContent` may be any value in that revision.
  package init(normalizing result: JSONValue) throws(RPCErrorObject) {
    guard result.kind == .object else { throw Self.invalid("the result of the tool call is no JSON object") }
    if let type = result[Self.resultType], !type.isString("complete") {
      throw Self.invalid("the result of the tool call has a resultType other than \"complete\"")
    }
    var text = result.raw
    var removed = [Self.resultType]
    if let meta = result[MetaKey.meta] {
      guard meta.kind == .object || meta.isNull else { throw Self.invalid("the member \"_meta\" of the tool call's result is no object") }
      let connectionOwned = [MetaKey.serverInfo, MetaKey.weirCache]
      let dropped = connectionOwned.count(where: { meta[$0] != nil })
      if meta.isNull || (dropped > 0 && dropped == meta.count) {
        removed.append(MetaKey.meta)
      } else if dropped > 0 {
        text = result.setting(MetaKey.meta, to: meta.removing(connectionOwned))
      }
    }
    if removed.contains(where: { result[$0] != nil }) { text = try Self.scan(text).removing(removed) }
    SingleLine.replaceBreaks(in: &text, from: 0)
    try self.init(storedNormalized: text)
  }

  /// Takes bytes that were the `bytes` of another `ToolResult`, read back from a store.
  package init(storedNormalized bytes: [UInt8]) throws(RPCErrorObject) {
    let root = try Self.scan(bytes)
    guard root.kind == .object, root.range == bytes.indices else { throw Self.invalid("the stored result is no JSON object") }
    guard let content = root["content"], content.kind == .array, content.elements.allSatisfy({ $0.kind == .object }) else {
      throw Self.invalid("the result of the tool call has no array \"content\" of objects")
    }
    self.bytes = bytes
    switch root["isError"] {
    case nil: isError = false
    case let flag?: isError = !(flag.isNull || flag.bool == false)
    }
    end = Place(offset: root.contentEnd, needsComma: root.count > 0)
    metaEnd = root[MetaKey.meta].flatMap { $0.kind == .object ? Place(offset: $0.contentEnd, needsComma: $0.count > 0) : nil }
  }

  private init(failureText: String) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("content")
    writer.beginArray()
    writer.beginObject()
    writer.member("type", "text")
    writer.member("text", failureText)
    writer.endObject()
    writer.endArray()
    writer.member("isError", true)
    writer.endObject()
    bytes = writer.bytes
    isError = true
    end = Place(offset: bytes.count - 1, needsComma: true)
    metaEnd = nil
  }

  /// A failure of Weir's own that the model shall read: `{"content":[{"type":"text","text":…}],"isError":true}`.
  package static func failure(text: String) -> ToolResult { ToolResult(failureText: text) }

  /// The result object for a client of this era: `_meta["weir/cache"]` is `provenance`, and for the modern era `resultType` and, where one is given,
  /// `_meta` `serverInfo` are added. Both are JSON text in one line. Copies, and looks at no byte.
  package func encoded(for era: ProtocolEra, provenance: [UInt8], serverInfo: [UInt8]?) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + provenance.count + (serverInfo?.count ?? 0) + 96)
    for piece in pieces(for: era, provenance: provenance, serverInfo: serverInfo) { result.append(contentsOf: piece) }
    return result
  }

  /// The same in pieces, for results that are too large to be copied for every client: what the upstream wrote is shared with `bytes`.
  package func pieces(for era: ProtocolEra, provenance: [UInt8], serverInfo: [UInt8]?) -> [ArraySlice<UInt8>] {
    let serverInfo = era == .modern ? serverInfo : nil
    var meta: [UInt8] = []
    meta.reserveCapacity(provenance.count + (serverInfo?.count ?? 0) + 96)
    if let metaEnd {
      if metaEnd.needsComma { meta.append(UInt8(ascii: ",")) }
    } else {
      meta.append(contentsOf: (end.needsComma ? #","_meta":{"# : #""_meta":{"#).utf8)
    }
    Self.appendMeta(provenance, serverInfo, to: &meta)
    if metaEnd == nil { meta.append(UInt8(ascii: "}")) }
    let type = era == .modern ? Self.completeType[...] : []
    let cut = (metaEnd ?? end).offset
    return [bytes[..<cut], meta[...], bytes[cut..<end.offset], type, bytes[end.offset...]]
  }

  private static let completeType = Array(#","resultType":"complete""#.utf8)

  private static func appendMeta(_ provenance: [UInt8], _ serverInfo: [UInt8]?, to result: inout [UInt8]) {
    result.append(contentsOf: #""weir/cache":"#.utf8)
    result.append(contentsOf: provenance)
    guard let serverInfo else { return }
    result.append(contentsOf: #","io.modelcontextprotocol/serverInfo":"#.utf8)
    result.append(contentsOf: serverInfo)
  }

  private static func scan(_ bytes: [UInt8]) throws(RPCErrorObject) -> JSONValue {
    do {
      return try JSONDocument(parsing: bytes, limits: .trusted).root
    } catch {
      throw invalid("the result of the tool call is no JSON: \(error.message)")
    }
  }

  private static func invalid(_ message: String) -> RPCErrorObject { RPCErrorObject(code: RPCErrorObject.internalError, message: message) }
}
