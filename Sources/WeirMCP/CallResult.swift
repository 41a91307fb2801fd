package import WeirJSON

/// The result of a call in a form that belongs to no era and no connection, ready to be sent any number of times.
///
/// The upstream's bytes are kept, but for what is said anew on every connection (`resultType`, `_meta` members `serverInfo` and `weir/cache`, how
/// long the result is fresh) and for line breaks between tokens, which become spaces: a message is one line.
package struct CallResult: Sendable, Equatable {
  /// How long an upstream says that its result is fresh, and for whom (MCP 2026-07-28, caching).
  package struct Lifetime: Sendable, Equatable {
    package let milliseconds: Int
    package let isPublic: Bool

    package init(milliseconds: Int, isPublic: Bool) {
      self.milliseconds = milliseconds
      self.isPublic = isPublic
    }
  }

  /// A JSON object without whitespace around it.
  package let bytes: [UInt8]
  /// Whether the tool says that it failed. Anything but an absent, null or false `isError` counts as failure, so that nothing doubtful is kept.
  package let isError: Bool
  /// The JSON string of a `resultType` other than `complete`: the call is not over. Such a result is for its caller alone.
  package private(set) var unfinishedType: [UInt8]?
  /// Of a result that the protocol lets be kept.
  package private(set) var lifetime: Lifetime?
  /// Whether its content, or that of a message in it, names resources: as links or embedded.
  package let namesResources: Bool
  /// `structuredContent` is no object, which the handshake era does not know.
  private let hasLooseStructure: Bool
  /// Where a member can be added to the object, and whether a comma is needed for it.
  private let end: Place
  /// Where a member can be added to `_meta`, if there is one.
  private let metaEnd: Place?

  private struct Place: Sendable, Equatable {
    let offset: Int
    let needsComma: Bool
  }

  private static let resultType = "resultType"
  private static let structure = "structuredContent"

  /// Takes the `result` of an upstream's response to `tools/call` that everybody may be given. Throws `internalError` where it is no object, its
  /// `_meta` is none, its `content` is no array of objects (required by every revision), or its `resultType` is another than `complete` (MCP
  /// 2026-07-28: `input_required`, and what extensions add). `structuredContent` may be any value in that revision.
  package init(normalizing result: JSONValue) throws(RPCErrorObject) {
    if result.kind == .object, let type = result[Self.resultType], !type.isString("complete") {
      throw Self.invalid("the result of the tool call has a resultType other than \"complete\"")
    }
    try self.init(storedNormalized: try Self.normalized(result, dropping: []))
  }

  /// Takes the `result` of a response that only its caller gets, whatever its `resultType` is.
  /// - Parameters:
  ///   - isTool: a complete one must have the content of a tool result.
  ///   - isCacheable: what it says of its lifetime belongs to the connection, too.
  package init(relaying result: JSONValue, isTool: Bool, isCacheable: Bool) throws(RPCErrorObject) {
    var unfinished: JSONValue?
    if result.kind == .object, let type = result[Self.resultType], !type.isString("complete") {
      guard type.kind == .string else { throw Self.invalid("the resultType of the result is no string") }
      unfinished = type
    }
    let dropped = isCacheable && unfinished == nil ? ["ttlMs", "cacheScope"] : []
    let text = try Self.normalized(result, dropping: dropped)
    try self.init(text, isTool: isTool && unfinished == nil)
    unfinishedType = unfinished?.raw
    if !dropped.isEmpty, let milliseconds = result["ttlMs"]?.int {
      lifetime = Lifetime(milliseconds: max(0, milliseconds), isPublic: result["cacheScope"]?.isString("public") ?? false)
    }
  }

  /// The object without what belongs to the connection.
  private static func normalized(_ result: JSONValue, dropping names: [String]) throws(RPCErrorObject) -> [UInt8] {
    guard result.kind == .object else { throw invalid("the result of the call is no JSON object") }
    var text = result.raw
    var removed = names + [resultType]
    if let meta = result[MetaKey.meta] {
      guard meta.kind == .object || meta.isNull else { throw invalid("the member \"_meta\" of the call's result is no object") }
      let connectionOwned = [MetaKey.serverInfo, MetaKey.weirCache]
      let dropped = connectionOwned.count(where: { meta[$0] != nil })
      if meta.isNull || (dropped > 0 && dropped == meta.count) {
        removed.append(MetaKey.meta)
      } else if dropped > 0 {
        text = result.setting(MetaKey.meta, to: meta.removing(connectionOwned))
      }
    }
    if removed.contains(where: { result[$0] != nil }) { text = try scan(text).removing(removed) }
    SingleLine.replaceBreaks(in: &text, from: 0)
    return text
  }

  /// Takes bytes that were the `bytes` of another `CallResult`, read back from a store.
  package init(storedNormalized bytes: [UInt8]) throws(RPCErrorObject) { try self.init(bytes, isTool: true) }

  private init(_ bytes: [UInt8], isTool: Bool) throws(RPCErrorObject) {
    let root = try Self.scan(bytes)
    guard root.kind == .object, root.range == bytes.indices else { throw Self.invalid("the stored result is no JSON object") }
    let content = root["content"]
    guard !isTool || (content?.kind == .array && content?.elements.allSatisfy { $0.kind == .object } == true) else {
      throw Self.invalid("the result of the tool call has no array \"content\" of objects")
    }
    self.bytes = Self.compact(bytes)
    namesResources =
      content.map(Self.namesResource) ?? root["messages"]?.elements.contains { $0["content"].map(Self.namesResource) ?? false } ?? false
    switch root["isError"] {
    case nil: isError = false
    case let flag?: isError = !(flag.isNull || flag.bool == false)
    }
    hasLooseStructure = root[Self.structure].map { $0.kind != .object } ?? false
    end = Place(offset: root.contentEnd, needsComma: root.count > 0)
    metaEnd = root[MetaKey.meta].flatMap { $0.kind == .object ? Place(offset: $0.contentEnd, needsComma: $0.count > 0) : nil }
  }

  /// The same bytes without room for many more: results are kept, and what a cache holds is reckoned by their bytes.
  private static func compact(_ bytes: [UInt8]) -> [UInt8] {
    bytes.capacity - bytes.count > bytes.count / 4 + 64 ? bytes.withUnsafeBufferPointer { Array($0) } : bytes
  }

  /// A block of content or an array of them.
  private static func namesResource(_ content: JSONValue) -> Bool {
    if content.kind == .array { return content.elements.contains { namesResource($0) } }
    return content["type"].map { $0.isString("resource_link") || $0.isString("resource") } ?? false
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
    namesResources = false
    hasLooseStructure = false
    end = Place(offset: bytes.count - 1, needsComma: true)
    metaEnd = nil
  }

  /// A failure of Weir's own that the model shall read: `{"content":[{"type":"text","text":…}],"isError":true}`.
  package static func failure(text: String) -> CallResult { CallResult(failureText: text) }

  /// The result object for a client of this era: `_meta["weir/cache"]` is `provenance`, and for the modern era `resultType` and, where one is given,
  /// `_meta` `serverInfo` are added. Both are JSON text in one line. Copies, and looks at no byte.
  package func encoded(for era: ProtocolEra, provenance: [UInt8]?, serverInfo: [UInt8]?) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + (provenance?.count ?? 0) + (serverInfo?.count ?? 0) + 96)
    for piece in pieces(for: era, provenance: provenance, serverInfo: serverInfo) { result.append(contentsOf: piece) }
    return result
  }

  /// The same in pieces, for results that are too large to be copied for every client: what the upstream wrote is shared with `bytes`.
  package func pieces(for era: ProtocolEra, provenance: [UInt8]?, serverInfo: [UInt8]?) -> [ArraySlice<UInt8>] {
    if era == .legacy, hasLooseStructure, let strict = try? CallResult(Self.scan(bytes).removing([Self.structure]), isTool: false) {
      return strict.pieces(for: era, provenance: provenance, serverInfo: serverInfo)
    }
    let serverInfo = era == .modern ? serverInfo : nil
    var meta: [UInt8] = []
    if provenance != nil || serverInfo != nil {
      meta.reserveCapacity((provenance?.count ?? 0) + (serverInfo?.count ?? 0) + 96)
      if let metaEnd {
        if metaEnd.needsComma { meta.append(UInt8(ascii: ",")) }
      } else {
        meta.append(contentsOf: (end.needsComma ? #","_meta":{"# : #""_meta":{"#).utf8)
      }
      Self.appendMeta(provenance, serverInfo, to: &meta)
      if metaEnd == nil { meta.append(UInt8(ascii: "}")) }
    }
    let cut = (metaEnd ?? end).offset
    return [bytes[..<cut], meta[...], bytes[cut..<end.offset], tail(for: era, needsComma: end.needsComma || !meta.isEmpty), bytes[end.offset...]]
  }

  private static let completeType = Array(#","resultType":"complete""#.utf8)

  /// The members that the modern era adds at the end of the object.
  private func tail(for era: ProtocolEra, needsComma: Bool) -> ArraySlice<UInt8> {
    guard era == .modern else { return [] }
    guard unfinishedType != nil || lifetime != nil || !needsComma else { return Self.completeType[...] }
    var tail = Array((needsComma ? #","resultType":"# : #""resultType":"#).utf8)
    tail.append(contentsOf: unfinishedType ?? Array(#""complete""#.utf8))
    if let lifetime {
      tail.append(contentsOf: #","ttlMs":\#(lifetime.milliseconds),"cacheScope":"\#(lifetime.isPublic ? "public" : "private")""#.utf8)
    }
    return tail[...]
  }

  /// Another object of the same type and lifetime, `bytes` without what belongs to the connection.
  package func with(_ bytes: [UInt8]) throws(RPCErrorObject) -> CallResult {
    var copy = try CallResult(bytes, isTool: false)
    (copy.unfinishedType, copy.lifetime) = (unfinishedType, lifetime)
    return copy
  }

  /// The same result with a lifetime, for a client that must be told one.
  package func living(_ lifetime: Lifetime) -> CallResult {
    var copy = self
    copy.lifetime = lifetime
    return copy
  }

  private static func appendMeta(_ provenance: [UInt8]?, _ serverInfo: [UInt8]?, to result: inout [UInt8]) {
    if let provenance {
      result.append(contentsOf: #""weir/cache":"#.utf8)
      result.append(contentsOf: provenance)
    }
    guard let serverInfo else { return }
    result.append(contentsOf: (provenance == nil ? #""io.modelcontextprotocol/serverInfo":"# : #","io.modelcontextprotocol/serverInfo":"#).utf8)
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
