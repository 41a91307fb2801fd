/// A value inside a document: a cursor that is cheap to copy and keeps the document alive.
package struct JSONValue: Sendable {
  let storage: JSONStorage
  let index: Int

  @inline(__always)
  var node: JSONNode { storage.tape[index] }

  package var kind: JSONKind { node.kind }
  /// Where the value stands in the document's bytes, without whitespace around it.
  package var range: Range<Int> { node.range }
  /// The value's text, not copied.
  package var rawBytes: ArraySlice<UInt8> { storage.bytes[node.range] }
  /// The value's text.
  package var raw: [UInt8] { Array(rawBytes) }

  /// The member with this name, compared by unescaped UTF-8 bytes; nil where there is none or the value is no object. Looks at one member after
  /// the other.
  package subscript(_ name: String) -> JSONValue? {
    guard kind == .object else { return nil }
    var name = name
    let found = name.withUTF8 { storage.member(of: index, named: $0) }
    return found.map { JSONValue(storage: storage, index: $0) }
  }

  /// The element at this position, from 0; nil where there is none or the value is no array. Looks at one element after the other.
  package subscript(_ position: Int) -> JSONValue? {
    guard kind == .array, position >= 0, position < count else { return nil }
    var index = index + 1
    for _ in 0..<position { index = Int(storage.tape[index].next) }
    return JSONValue(storage: storage, index: index)
  }

  /// Members of an object, elements of an array, 0 for the rest.
  package var count: Int { Int(node.count) }
  /// The members in document order; none where the value is no object.
  package var members: JSONMembers { JSONMembers(object: self) }
  /// The elements in order; none where the value is no array.
  package var elements: JSONElements { JSONElements(array: self) }

  package var isNull: Bool { kind == .null }
  /// The value of `true` or `false`, nil for everything else.
  package var bool: Bool? { kind == .bool ? storage.bytes[Int(node.start)] == UInt8(ascii: "t") : nil }
  /// The text of a string, unescaped; nil for everything else. Compare names by `isString` or `stringBytes`: `==` of `String` folds Unicode.
  package var string: String? { stringBytes.map { String(decoding: $0, as: UTF8.self) } }
  /// The text of a string, unescaped, as UTF-8; nil for everything else.
  package var stringBytes: [UInt8]? { kind == .string ? storage.unescaped(at: index) : nil }

  /// Whether this is a string whose unescaped UTF-8 bytes are those of `text`.
  package func isString(_ text: String) -> Bool {
    guard kind == .string else { return false }
    var text = text
    return text.withUTF8 { storage.isString(at: index, $0) }
  }

  /// The text of a number as the sender wrote it; nil for everything else.
  package var numberText: ArraySlice<UInt8>? { kind == .number ? rawBytes : nil }

  /// A number whose exact value is an integer that fits: 1, 1.0 and 1e2 do, 1.5 and 1e30 do not.
  package var int: Int? { decimal?.int }

  /// The double nearest to the number; nil where it lies beyond the largest double, or the value is no number.
  package var double: Double? {
    guard kind == .number, let value = Double(String(decoding: rawBytes, as: UTF8.self)), value.isFinite else { return nil }
    return value
  }

  private var decimal: JSONDecimal? { kind == .number ? JSONDecimal(rawBytes) : nil }
}
