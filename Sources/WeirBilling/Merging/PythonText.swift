internal import WeirJSON

/// How long Python's `str` of a JSON value is: what the pricing server measures its answers by.
enum PythonText {
  /// At least as many characters as Python writes, and hardly more: what it may have to escape is counted as escaped.
  static func maxLength(_ value: JSONValue) -> Int {
    switch value.kind {
    case .null, .bool: return 5
    case .number:
      let text = value.numberText ?? []
      let isInteger = text.allSatisfy { $0 == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      // The longest text of a double is -1.7976931348623157e+308.
      return isInteger ? text.count : max(text.count, 24)
    case .string: return length(of: value)
    case .array: return value.elements.reduce(2) { $0 + maxLength($1) + 2 }
    case .object: return value.members.reduce(2) { $0 + length(of: $1.name) + maxLength($1.value) + 4 }
    }
  }

  private static func length(of text: JSONValue) -> Int {
    (text.string ?? "").unicodeScalars.reduce(2) { length, scalar in
      switch scalar.value {
      case UInt32(UInt8(ascii: "'")), UInt32(UInt8(ascii: "\"")), UInt32(UInt8(ascii: "\\")): length + 2
      case 0x20..<0x7F: length + 1
      case ..<0x100: length + 4
      case ..<0x10000: length + 6
      default: length + 10
      }
    }
  }
}
