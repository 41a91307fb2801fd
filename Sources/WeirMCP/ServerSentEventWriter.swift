/// Writes events of an event stream (WHATWG HTML §9.2.5).
package enum ServerSentEventWriter {
  /// One event with the blank line that ends it. Every line of `data` gets a field of its own; line breaks and NUL in `id` and `event`, which the
  /// format cannot carry, are left out.
  package static func event(data: some Collection<UInt8>, id: String? = nil, event: String? = nil, retry: Int? = nil) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(data.count + 64)
    if let event { appendField("event: ", event, to: &result) }
    if let id { appendField("id: ", id, to: &result) }
    if let retry { appendField("retry: ", String(retry), to: &result) }
    appendLines("data: ", data, to: &result)
    result.append(0x0A)
    return result
  }

  /// The same for data in pieces, which are not copied. They must hold no line break.
  package static func event(pieces: [ArraySlice<UInt8>], event: String) -> [ArraySlice<UInt8>] {
    var head: [UInt8] = []
    appendField("event: ", event, to: &head)
    append("data: ", to: &head)
    return [head[...]] + pieces + [[0x0A, 0x0A]]
  }

  /// A comment, which readers skip: it keeps an idle connection alive.
  package static func comment(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    appendLines(": ", Array(text.utf8), to: &result)
    result.append(0x0A)
    return result
  }

  private static func appendField(_ name: StaticString, _ value: String, to result: inout [UInt8]) {
    append(name, to: &result)
    result.append(contentsOf: value.utf8.filter { $0 != 0x0A && $0 != 0x0D && $0 != 0 })
    result.append(0x0A)
  }

  /// A field for every line; a carriage return and line feed together are one break.
  private static func appendLines(_ name: StaticString, _ text: some Collection<UInt8>, to result: inout [UInt8]) {
    append(name, to: &result)
    var rest = text[...]
    while let end = rest.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
      result.append(contentsOf: rest[..<end])
      result.append(0x0A)
      append(name, to: &result)
      let isReturn = rest[end] == 0x0D
      rest = rest[rest.index(after: end)...]
      if isReturn, rest.first == 0x0A { rest = rest.dropFirst() }
    }
    result.append(contentsOf: rest)
    result.append(0x0A)
  }

  private static func append(_ text: StaticString, to result: inout [UInt8]) {
    result.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}
