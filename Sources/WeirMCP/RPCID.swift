package import WeirJSON

/// The id of a JSON-RPC request, or a progress token: a string or an integer, kept as JSON text so that it goes back with value and type unchanged.
/// Equal exactly when value and type are.
package struct RPCID: Hashable, Sendable, CustomStringConvertible {
  /// JSON text in one normal form: an integer in plain digits, a string with the fewest escapes.
  package let raw: [UInt8]

  package init(_ int: Int) { raw = Array(String(int).utf8) }
  package init(string: String) { raw = JSONWriter.quoted(string) }

  /// Nil for what is no string and no integer of at most 20 characters. 1.0 is the integer 1.
  package init?(_ value: JSONValue) {
    switch value.kind {
    case .string where !value.rawBytes.contains(UInt8(ascii: "\\")):
      raw = value.raw
    case .string, .number:
      guard let text = try? value.canonical() else { return nil }
      guard value.kind == .string || Self.isInteger(text) else { return nil }
      raw = text
    case .null, .bool, .array, .object: return nil
    }
  }

  private static func isInteger(_ text: [UInt8]) -> Bool {
    text.count <= 20 && text.allSatisfy { $0 == UInt8(ascii: "-") || $0 &- UInt8(ascii: "0") < 10 }
  }

  /// The integer, where it is one that fits.
  package var int: Int? { Int(String(decoding: raw, as: UTF8.self)) }

  package var description: String { String(decoding: raw, as: UTF8.self) }
}
