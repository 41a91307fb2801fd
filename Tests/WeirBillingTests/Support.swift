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
