/// Writes one JSON text without whitespace; commas are put where they belong. Balancing `begin…` with `end…`, and names before the values in
/// objects, is up to the caller.
package struct JSONWriter: Sendable {
  /// What has been written so far.
  package private(set) var bytes: [UInt8] = []
  private var needsComma = false

  package init() {}

  package mutating func beginObject() { begin(UInt8(ascii: "{")) }
  package mutating func endObject() { end(UInt8(ascii: "}")) }
  package mutating func beginArray() { begin(UInt8(ascii: "[")) }
  package mutating func endArray() { end(UInt8(ascii: "]")) }

  /// The name of the member whose value is written next.
  package mutating func key(_ name: String) {
    separate()
    Self.appendQuoted(name, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  package mutating func value(_ value: String) {
    separate()
    Self.appendQuoted(value, to: &bytes)
  }

  package mutating func value(_ value: Int) { raw(String(value).utf8) }
  package mutating func value(_ value: Int64) { raw(String(value).utf8) }
  package mutating func value(_ value: Bool) { raw((value ? "true" : "false").utf8) }
  /// The shortest text that reads back as the same double; `null` for what JSON has no number for (infinities, NaN).
  package mutating func value(_ value: Double) { raw((value.isFinite ? value.description : "null").utf8) }
  package mutating func null() { raw("null".utf8) }

  /// A value that is JSON text already, written as it is.
  package mutating func raw(_ text: some Collection<UInt8>) {
    separate()
    bytes.append(contentsOf: text)
  }

  package mutating func member(_ name: String, _ value: String) {
    key(name)
    self.value(value)
  }

  package mutating func member(_ name: String, _ value: Int) {
    key(name)
    self.value(value)
  }

  package mutating func member(_ name: String, _ value: Int64) {
    key(name)
    self.value(value)
  }

  package mutating func member(_ name: String, _ value: Bool) {
    key(name)
    self.value(value)
  }

  package mutating func member(_ name: String, _ value: Double) {
    key(name)
    self.value(value)
  }

  /// A member whose value is JSON text already.
  package mutating func memberRaw(_ name: String, _ text: some Collection<UInt8>) {
    key(name)
    raw(text)
  }

  /// `text` as a JSON string: in quotation marks, with the fewest escapes (RFC 8785 §3.2.2.2).
  package static func quoted(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count + 2)
    appendQuoted(text, to: &result)
    return result
  }

  private static func appendQuoted(_ text: String, to result: inout [UInt8]) {
    var text = text
    text.withUTF8 { JSONText.appendQuoted($0, to: &result) }
  }

  /// A comma, where a value has gone before at this level.
  @inline(__always)
  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  private mutating func begin(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func end(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }
}
