/// Writes the canonical form. Recurses as deep as the document nests, which the scanner bounds.
struct JSONCanonicalizer {
  private let storage: JSONStorage
  private let bytes: UnsafeBufferPointer<UInt8>
  var result: [UInt8] = []
  /// Unescaped names of the objects that are being sorted.
  private var names: [UInt8] = []

  init(storage: JSONStorage, bytes: UnsafeBufferPointer<UInt8>) {
    self.storage = storage
    self.bytes = bytes
  }

  private struct Member {
    let name: Range<Int>
    /// Whether `name` is a range of `names`, not of the document.
    let isUnescaped: Bool
    /// The index of the name on the tape.
    let index: Int
  }

  mutating func append(_ index: Int, omitting omitted: [[UInt8]] = []) throws(JSONError) {
    let node = storage.tape[index]
    switch node.kind {
    case .null, .bool: copy(node.range)
    case .string: appendString(node)
    case .number: try appendNumber(node)
    case .array: try appendArray(index, node)
    case .object: try appendObject(index, node, omitting: omitted)
    }
  }

  private mutating func copy(_ range: Range<Int>) { result.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[range])) }

  private mutating func appendString(_ node: JSONNode) {
    // Without a backslash there is nothing that could be written differently.
    guard node.escaped else { return copy(node.range) }
    var unescaped: [UInt8] = []
    JSONText.appendUnescaped(UnsafeBufferPointer(rebasing: bytes[node.contents]), to: &unescaped)
    unescaped.withUnsafeBufferPointer { JSONText.appendQuoted($0, to: &result) }
  }

  private mutating func appendNumber(_ node: JSONNode) throws(JSONError) {
    // Up to 20 digits and nothing else: that is how the canonical form writes them.
    let isPlain = node.range.count <= 20 && node.range.allSatisfy { bytes[$0] &- UInt8(ascii: "0") < 10 }
    if isPlain { return copy(node.range) }
    guard let decimal = JSONDecimal(storage.bytes[node.range]) else {
      let message = "the exponent of the number at byte \(node.start) is out of range"
      throw JSONError(code: .numberOutOfRange, offset: Int(node.start), message: message)
    }
    decimal.appendCanonical(to: &result)
  }

  private mutating func appendArray(_ index: Int, _ node: JSONNode) throws(JSONError) {
    result.append(UInt8(ascii: "["))
    var element = index + 1
    for position in 0..<node.count {
      if position > 0 { result.append(UInt8(ascii: ",")) }
      try append(element)
      element = Int(storage.tape[element].next)
    }
    result.append(UInt8(ascii: "]"))
  }

  private mutating func appendObject(_ index: Int, _ node: JSONNode, omitting omitted: [[UInt8]]) throws(JSONError) {
    let kept = names.count
    defer { if names.count > kept { names.removeSubrange(kept...) } }
    result.append(UInt8(ascii: "{"))
    var isFirst = true
    for member in sortedMembers(index, node) {
      if !omitted.isEmpty, isOmitted(member, omitted) { continue }
      if !isFirst { result.append(UInt8(ascii: ",")) }
      isFirst = false
      appendString(storage.tape[member.index])
      result.append(UInt8(ascii: ":"))
      try append(member.index + 1)
    }
    result.append(UInt8(ascii: "}"))
  }

  private mutating func sortedMembers(_ index: Int, _ node: JSONNode) -> [Member] {
    var members: [Member] = []
    members.reserveCapacity(Int(node.count))
    var name = index + 1
    for _ in 0..<node.count {
      let nameNode = storage.tape[name]
      if nameNode.escaped {
        let start = names.count
        JSONText.appendUnescaped(UnsafeBufferPointer(rebasing: bytes[nameNode.contents]), to: &names)
        members.append(Member(name: start..<names.count, isUnescaped: true, index: name))
      } else {
        members.append(Member(name: nameNode.contents, isUnescaped: false, index: name))
      }
      name = Int(storage.tape[name + 1].next)
    }
    let bytes = bytes
    names.withUnsafeBufferPointer { names in
      func text(_ member: Member) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: member.isUnescaped ? names[member.name] : bytes[member.name])
      }
      let isSorted = members.indices.dropFirst().allSatisfy { Self.precedes(text(members[$0 - 1]), text(members[$0])) }
      if !isSorted { members.sort { Self.precedes(text($0), text($1)) } }
    }
    return members
  }

  private func isOmitted(_ member: Member, _ omitted: [[UInt8]]) -> Bool {
    names.withUnsafeBufferPointer { names in
      let name = UnsafeBufferPointer(rebasing: member.isUnescaped ? names[member.name] : bytes[member.name])
      return omitted.contains { $0.withUnsafeBufferPointer { JSONText.equal(name, $0) } }
    }
  }

  /// Whether `left` stands before `right` in the order of UTF-16 code units. UTF-8 bytes sort as code points; the two orders differ only in that
  /// surrogates (lead bytes F0 to F4) come before U+E000 to U+FFFF (lead bytes EE and EF).
  private static func precedes(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
    for index in 0..<min(left.count, right.count) where left[index] != right[index] {
      return weight(left[index]) < weight(right[index])
    }
    return left.count < right.count
  }

  @inline(__always)
  private static func weight(_ byte: UInt8) -> UInt8 { byte == 0xEE || byte == 0xEF ? byte | 0xF0 : byte }
}
