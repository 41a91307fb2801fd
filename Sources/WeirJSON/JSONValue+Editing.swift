extension JSONValue {
  /// The text of this object with the member of that name replaced where it stands, or appended as the last; every other byte is kept. `text` must
  /// be a JSON text. A value that is no object is returned as it is.
  package func setting(_ name: String, to text: [UInt8]) -> [UInt8] {
    guard kind == .object else { return raw }
    let bytes = storage.bytes
    var result: [UInt8] = []
    result.reserveCapacity(range.count + text.count + name.utf8.count + 8)
    if let member = self[name] {
      result.append(contentsOf: bytes[range.lowerBound..<member.range.lowerBound])
      result.append(contentsOf: text)
      result.append(contentsOf: bytes[member.range.upperBound..<range.upperBound])
      return result
    }
    let end = contentEnd
    result.append(contentsOf: bytes[range.lowerBound..<end])
    if count > 0 { result.append(UInt8(ascii: ",")) }
    result.append(contentsOf: JSONWriter.quoted(name))
    result.append(UInt8(ascii: ":"))
    result.append(contentsOf: text)
    result.append(contentsOf: bytes[end..<range.upperBound])
    return result
  }

  /// The text of this object without the members of these names; the members that stay, and what separates them, are kept byte for byte. A value
  /// that is no object is returned as it is.
  package func removing(_ names: [String]) -> [UInt8] {
    guard kind == .object else { return raw }
    let bytes = storage.bytes
    var result: [UInt8] = []
    result.reserveCapacity(range.count)
    var previousEnd: Int?
    var isEmpty = true
    for (name, value) in members {
      defer { previousEnd = value.range.upperBound }
      if previousEnd == nil { result.append(contentsOf: bytes[range.lowerBound..<name.range.lowerBound]) }
      if names.contains(where: name.isString) { continue }
      if let previousEnd, !isEmpty { result.append(contentsOf: bytes[previousEnd..<name.range.lowerBound]) }
      result.append(contentsOf: bytes[name.range.lowerBound..<value.range.upperBound])
      isEmpty = false
    }
    result.append(contentsOf: bytes[(previousEnd ?? range.lowerBound)..<range.upperBound])
    return result
  }

  /// Of an object or array: the offset in the document after its last member or element, or after its opening bracket where it has none. A new
  /// member can be written there. Of another value: its end.
  package var contentEnd: Int {
    guard kind == .object || kind == .array else { return range.upperBound }
    guard count > 0 else { return range.lowerBound + 1 }
    var index = index + 1
    for position in 1...count {
      let value = kind == .object ? index + 1 : index
      if position == count { return Int(storage.tape[value].end) }
      index = Int(storage.tape[value].next)
    }
    return range.lowerBound + 1
  }
}
