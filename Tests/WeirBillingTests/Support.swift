import Foundation
import WeirBilling
import WeirCore
import WeirJSON

func json(_ text: String) throws -> JSONValue {
  try JSONDocument(parsing: Array(text.utf8)).root
}

/// What Tests/EndToEnd/recordings/record.py wrote down of a real server.
private func recording(_ name: String) throws -> JSONValue {
  let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "EndToEnd/recordings/\(name).json")
  return try JSONDocument(parsing: [UInt8](try Data(contentsOf: file)), limits: JSONLimits(maxBytes: 64 << 20, maxMembers: 1_000_000)).root
}

/// A real answer of a real server.
func recordedResult(_ name: String) throws -> JSONValue {
  try requireValue(try recording(name)["response"]?["result"])
}

/// A call of a real server's tool and its answer.
struct RecordedCall {
  let tool: Name
  let arguments: JSONValue?
  let result: JSONValue

  init(_ name: String) throws {
    let root = try recording(name)
    tool = Name(try requireValue(root["call"]?["name"]?.string))
    arguments = root["call"]?["arguments"]
    result = try recordedResult(name)
  }

  /// What a pack says of it.
  func examined(by pack: any PolicyPack) -> ResultVerdict {
    pack.examine(tool: tool, arguments: arguments, result: result, isError: result["isError"]?.bool ?? false)
  }
}

/// A result as the servers make it: the body as text and as structured content.
func result(_ body: String, wrapped: Bool = false) throws -> JSONValue {
  let text = String(decoding: JSONWriter.quoted(body), as: UTF8.self)
  return try json(#"{"content":[{"type":"text","text":\#(text)}],"structuredContent":\#(wrapped ? #"{"result":\#(body)}"# : body)}"#)
}

/// Without anything that an operator overrides.
extension PolicyPack {
  var freshness: FreshnessTable { FreshnessTable(calendar: calendar) }

  func policy(tool: Name, arguments: JSONValue?, today: CivilDate) -> CallPolicy {
    policy(tool: tool, arguments: arguments, context: PolicyContext(today: today, freshness: freshness))
  }

  func describe(tool: Name) -> String { describe(tool: tool, freshness: freshness) }

  func examine(tool: Name, arguments: JSONValue?, result: JSONValue, isError: Bool) -> ResultVerdict {
    examine(tool: tool, arguments: arguments, result: result, isError: isError, freshness: freshness)
  }
}

/// What the calendar says of each class, for what is expected.
extension AWSBillingCalendar {
  static func usual(_ kind: FreshnessClass) -> Freshness { AWSBillingCalendar().freshness(of: kind) }
  static var forecast: Freshness { usual(.forecast) }
  static var open: Freshness { usual(.open) }
  static var openSettled: Freshness { usual(.openSettled) }
  static var closing: Freshness { usual(.closing) }
  static var closed: Freshness { usual(.closed) }
  static var lists: Freshness { usual(.lists) }
  static var prices: Freshness { usual(.prices) }
  static var empty: Freshness { usual(.empty) }
  static var continued: Freshness { usual(.continued) }
}

extension CallPolicy {
  /// Nil where nothing is cached.
  var freshness: Freshness? {
    if case .cached(let freshness) = caching { freshness } else { nil }
  }
}

struct Missing: Error {}

func requireValue<Value>(_ value: Value?) throws -> Value {
  guard let value else { throw Missing() }
  return value
}
