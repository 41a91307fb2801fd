import Foundation
import WeirBilling
import WeirCore
import WeirJSON

func json(_ text: String) throws -> JSONValue {
  try JSONDocument(parsing: Array(text.utf8)).root
}

/// A real answer of a real server, recorded by Tests/EndToEnd/recordings/record.py.
func recordedResult(_ name: String) throws -> JSONValue {
  let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "EndToEnd/recordings/\(name).json")
  let bytes = [UInt8](try Data(contentsOf: file))
  let root = try JSONDocument(parsing: bytes, limits: JSONLimits(maxBytes: 64 << 20, maxMembers: 1_000_000)).root
  return try requireValue(root["response"]?["result"])
}

struct Missing: Error {}

func requireValue<Value>(_ value: Value?) throws -> Value {
  guard let value else { throw Missing() }
  return value
}
