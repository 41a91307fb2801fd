import Foundation
import WeirJSON

/// Batches that every random test of merging asks: a few by default, thousands for the proof (`WEIR_EXACTNESS_ROUNDS=1500`).
let exactnessRounds = ProcessInfo.processInfo.environment["WEIR_EXACTNESS_ROUNDS"].flatMap { Int($0) } ?? 100

/// A JSON value that a test's own server builds, in the layouts of the servers that it stands for.
indirect enum JSONTree: Equatable {
  case null
  case bool(Bool)
  /// As text, so that no digit is lost.
  case number(String)
  case string(String)
  case array([JSONTree])
  case object([(String, JSONTree)])

  static func == (left: JSONTree, right: JSONTree) -> Bool { left.compact == right.compact }

  var compact: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .number(let text): text
    case .string(let text): String(decoding: JSONWriter.quoted(text), as: UTF8.self)
    case .array(let elements): "[" + elements.map(\.compact).joined(separator: ",") + "]"
    case .object(let members): "{" + members.map { "\(JSONTree.string($0.0).compact):\($0.1.compact)" }.joined(separator: ",") + "}"
    }
  }

  /// With an indent of two, as `json.dumps(…, indent=2)` and `JSON.stringify(…, null, 2)` write it.
  func pretty(_ depth: Int = 0) -> String {
    let inner = String(repeating: "  ", count: depth + 1)
    let outer = String(repeating: "  ", count: depth)
    switch self {
    case .array(let elements) where !elements.isEmpty:
      return "[\n" + elements.map { inner + $0.pretty(depth + 1) }.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let members) where !members.isEmpty:
      let lines = members.map { "\(inner)\(JSONTree.string($0.0).compact): \($0.1.pretty(depth + 1))" }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    default: return compact
    }
  }

  /// What Python's `str` makes of it, for printable texts.
  var python: String {
    switch self {
    case .null: return "None"
    case .bool(let value): return value ? "True" : "False"
    case .number(let text): return text
    case .string(let text):
      let quote = text.contains("'") && !text.contains("\"") ? "\"" : "'"
      let escaped = text.replacing("\\", with: "\\\\")
      return quote + (quote == "'" ? escaped.replacing("'", with: "\\'") : escaped) + quote
    case .array(let elements): return "[" + elements.map(\.python).joined(separator: ", ") + "]"
    case .object(let members): return "{" + members.map { "\(JSONTree.string($0.0).python): \($0.1.python)" }.joined(separator: ", ") + "}"
    }
  }

  subscript(_ name: String) -> JSONTree? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.0 == name }?.1
  }

  var text: String? { if case .string(let text) = self { text } else { nil } }
}

/// A result that holds `body` as indented text, and as structured content where `structured` is given.
func toolResult(_ body: JSONTree, structured: JSONTree?) throws -> JSONValue {
  var members: [(String, JSONTree)] = [
    ("content", .array([.object([("text", .string(body.pretty())), ("type", .string("text"))])])), ("isError", .bool(false)),
  ]
  if let structured { members.append(("structuredContent", structured)) }
  return try JSONDocument(parsing: Array(JSONTree.object(members).compact.utf8), limits: JSONLimits(maxMembers: 4_000_000)).root
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every run.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[Int.random(in: elements.indices, using: &self)] }
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
