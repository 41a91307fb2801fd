package import WeirJSON

/// The id of a JSON-RPC request, or a progress token: a string or an integer, kept as JSON text so that it goes back with value and type unchanged.
/// Equal exactly when value and type are.
package struct RPCID: Hashable, Sendable, CustomStringConvertible {
  /// JSON text: a number as it was sent, a string with the fewest escapes.
  package let raw: [UInt8]
  /// The one text of all that are equal: an integer in plain digits.
  private let normal: [UInt8]

  package init(_ int: Int) { self.init(raw: Array(String(int).utf8)) }
  package init(string: String) { self.init(raw: JSONWriter.quoted(string)) }

  /// Nil for what is no string and no integer of at most 20 digits. 1.0 is the integer 1.
  package init?(_ value: JSONValue) {
    switch value.kind {
    case .string where !value.rawBytes.contains(UInt8(ascii: "\\")):
      self.init(raw: value.raw)
    case .string:
      guard let text = try? value.canonical() else { return nil }
      self.init(raw: text)
    case .number:
      // Whatever the notation, nobody needs more for twenty digits, and it is kept for as long as the call lasts.
      guard value.rawBytes.count <= 64, let text = try? value.canonical(), Self.isInteger(text) else { return nil }
      self.init(raw: value.rawBytes.elementsEqual(text) ? text : value.raw, normal: text)
    case .null, .bool, .array, .object: return nil
    }
  }

  private init(raw: [UInt8], normal: [UInt8]? = nil) {
    self.raw = raw
    self.normal = normal ?? raw
  }

  package static func == (one: Self, other: Self) -> Bool { one.normal == other.normal }

  package func hash(into hasher: inout Hasher) { hasher.combine(normal) }

  private static func isInteger(_ text: [UInt8]) -> Bool {
    text.count <= 20 && text.allSatisfy { $0 == UInt8(ascii: "-") || $0 &- UInt8(ascii: "0") < 10 }
  }

  /// The integer, where it is one that fits.
  package var int: Int? { Int(String(decoding: normal, as: UTF8.self)) }

  package var description: String { String(decoding: raw, as: UTF8.self) }
}
