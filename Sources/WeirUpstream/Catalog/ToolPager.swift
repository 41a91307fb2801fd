import Crypto
package import WeirCore
package import WeirJSON

/// Gathers the pages of `tools/list` (MCP 2026-07-28, pagination): follows cursors to the end, and to an end.
package struct ToolPager: Sendable {
  /// What a page asks for next.
  package enum Step: Sendable, Equatable {
    /// Params of the next request.
    case request(params: [UInt8])
    case finished
  }

  private let upstream: Name
  private let maxPages: Int
  private let maxTools: Int
  private let redactor: Redactor
  private var pages = 0
  private var cursors: Set<[UInt8]> = []
  private var names: Set<Name> = []

  package private(set) var tools: [ToolDefinition] = []
  /// One line for each definition that was left out, at most 20.
  package private(set) var warnings: [String] = []
  /// The shortest `ttlMs` of all pages, where every page has one.
  package private(set) var ttl: Duration?

  package init(upstream: Name, maxPages: Int, maxTools: Int, redactor: Redactor = .patterns) {
    self.upstream = upstream
    self.maxPages = maxPages
    self.maxTools = maxTools
    self.redactor = redactor
  }

  /// The params of the first request.
  package static let firstParams = Array("{}".utf8)

  /// Takes a result of `tools/list`.
  package mutating func add(_ page: JSONDocument) throws(CallError) -> Step {
    guard let list = page.root["tools"], list.kind == .array else { throw invalid("the result of tools/list has no array \"tools\"") }
    pages += 1
    for element in list.elements { try add(element) }
    noteLifetime(page.root["ttlMs"]?.int)
    guard let cursor = page.root["nextCursor"], !cursor.isNull else { return .finished }
    guard let text = cursor.stringBytes else { throw invalid("the nextCursor of tools/list is no string") }
    guard pages < maxPages else { throw invalid("tools/list has more than \(maxPages) pages") }
    guard cursors.insert(text).inserted else { throw invalid("tools/list names the same nextCursor twice") }
    var writer = JSONWriter()
    writer.beginObject()
    writer.memberRaw("cursor", cursor.rawBytes)
    writer.endObject()
    return .request(params: writer.bytes)
  }

  private mutating func add(_ element: JSONValue) throws(CallError) {
    guard tools.count < maxTools else { throw invalid("tools/list has more than \(maxTools) tools") }
    guard element.kind == .object, let bytes = element["name"]?.stringBytes else { return warn("a tool without a name was left out") }
    guard Self.isValidName(bytes), let name = Name(utf8: bytes) else {
      let shown = redactor.clean(String(decoding: bytes, as: UTF8.self), limit: 130)
      return warn("the tool \"\(shown)\" was left out: a name is 1 to 128 of A-Z, a-z, 0-9, '_', '-', '.'")
    }
    guard names.insert(name).inserted else { return warn("the tool \(name) is listed twice; the first definition stands") }
    guard let canonical = try? element.canonical() else { return warn("the tool \(name) was left out: its definition has no canonical form") }
    tools.append(
      ToolDefinition(
        name: name, json: element.raw, readOnlyHint: element["annotations"]?["readOnlyHint"]?.bool ?? false,
        digest: Array(SHA256.hash(data: canonical))))
  }

  private mutating func noteLifetime(_ milliseconds: Int?) {
    let lifetime = milliseconds.flatMap { $0 > 0 ? Duration.milliseconds($0) : nil }
    ttl = pages == 1 ? lifetime : ttl.flatMap { known in lifetime.map { min(known, $0) } }
  }

  private mutating func warn(_ line: String) {
    if warnings.count < 20 { warnings.append(line) }
  }

  private func invalid(_ reason: String) -> CallError { ErrorText.invalid(upstream, reason) }

  /// Tool names as MCP 2026-07-28 wants them (tools, tool names).
  static func isValidName(_ bytes: [UInt8]) -> Bool {
    (1...128).contains(bytes.count)
      && bytes.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
      }
  }
}
