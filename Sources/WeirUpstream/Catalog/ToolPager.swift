import Crypto
import WeirCore
import WeirJSON
import WeirMCP

/// Gathers the pages of `tools/list`. Pure.
struct ToolPager: Sendable {
  private let upstream: Name
  private let maxTools: Int
  private let redactor: Redactor
  private var turner: PageTurner
  private var names: Set<Name> = []

  private(set) var tools: [ToolDefinition] = []
  /// One line for each definition that was left out, at most 20.
  private(set) var warnings: [String] = []
  /// The shortest `ttlMs` of all pages, where every page has one.
  var ttl: Duration? { turner.ttl }

  init(upstream: Name, maxPages: Int, maxTools: Int, redactor: Redactor = .patterns) {
    self.upstream = upstream
    self.maxTools = maxTools
    self.redactor = redactor
    turner = PageTurner(upstream: upstream, method: MCPMethod.toolsList, maxPages: maxPages)
  }

  /// Takes a result of `tools/list`.
  mutating func add(_ page: JSONDocument) throws(CallError) -> PageTurner.Step {
    guard let list = page.root["tools"], list.kind == .array else { throw invalid("the result of tools/list has no array \"tools\"") }
    for element in list.elements { try add(element) }
    return try turner.turn(page.root)
  }

  private mutating func add(_ element: JSONValue) throws(CallError) {
    guard tools.count < maxTools else { throw invalid("tools/list has more than \(maxTools) tools") }
    guard element.kind == .object, let bytes = element["name"]?.stringBytes else { return warn("a tool without a name was left out") }
    guard Self.isValidName(bytes), let name = Name(utf8: bytes) else {
      let shown = redactor.clean(String(decoding: bytes, as: UTF8.self), limit: 130)
      return warn("the tool \"\(shown)\" was left out: a name is 1 to 128 of A-Z, a-z, 0-9, '_', '-', '.'")
    }
    guard names.insert(name).inserted else { return warn("the tool \(name) is listed twice; the first definition stands") }
    guard HeaderParameters(schema: element["inputSchema"]) != nil else {
      return warn("the tool \(name) was left out: its input schema has an invalid x-mcp-header")
    }
    guard let canonical = try? element.canonical() else { return warn("the tool \(name) was left out: its definition has no canonical form") }
    tools.append(
      ToolDefinition(
        name: name, json: element.raw, readOnlyHint: element["annotations"]?["readOnlyHint"]?.bool ?? false,
        digest: Array(SHA256.hash(data: canonical))))
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
