/// Turns bytes into a tape in one pass, without recursion: an open container keeps the index of its parent in `next`.
struct JSONScanner: ~Copyable {
  let input: UnsafeBufferPointer<UInt8>
  let maxDepth: Int
  let maxMembers: Int
  var position = 0
  var nodes: JSONNodeBuffer
  private var open = -1
  private var depth = 0
  private var values = 0
  private var duplicates = JSONDuplicateFinder()

  /// The tape of `bytes`, or why they are refused.
  static func tape(of bytes: [UInt8], limits: JSONLimits) throws(JSONError) -> ContiguousArray<JSONNode> {
    let maxBytes = min(limits.maxBytes, Int(Int32.max))
    guard bytes.count <= maxBytes else {
      let message = "the document has \(bytes.count) bytes, more than the limit of \(maxBytes)"
      throw JSONError(code: .tooLarge, offset: maxBytes, message: message)
    }
    return try bytes.withUnsafeBufferPointer { (input) throws(JSONError) -> ContiguousArray<JSONNode> in
      var scanner = JSONScanner(input: input, limits: limits)
      try scanner.scanDocument()
      return scanner.nodes.contents()
    }
  }

  private init(input: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
    self.input = input
    maxDepth = min(limits.maxDepth, 1000)
    maxMembers = limits.maxMembers
    nodes = JSONNodeBuffer(capacity: min(input.count / 8 + 8, 8192))
  }

  private mutating func scanDocument() throws(JSONError) {
    if input.count >= 3, input[0] == 0xEF, input[1] == 0xBB, input[2] == 0xBF {
      throw failure(.byteOrderMark, at: 0, "the document starts with a byte order mark; send UTF-8 without one")
    }
    skipWhitespace()
    try scanValue()
    while open >= 0 { try scanNext() }
    skipWhitespace()
    guard position == input.count else {
      throw failure(.trailingContent, at: position, "something follows the document's end at byte \(position)")
    }
  }

  /// The next element or member of the open container, or its end.
  @inline(__always)
  private mutating func scanNext() throws(JSONError) {
    skipWhitespace()
    var byte = try current()
    let isObject = nodes[open].kind == .object
    if byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { return try close() }
    if nodes[open].count > 0 {
      guard byte == UInt8(ascii: ",") else { throw unexpected(isObject ? "',' or '}'" : "',' or ']'") }
      position &+= 1
      skipWhitespace()
      byte = try current()
    }
    if isObject {
      guard byte == UInt8(ascii: "\"") else { throw unexpected("a member name in quotation marks") }
      if try scanString() { nodes[open].escaped = true }
      skipWhitespace()
      guard try current() == UInt8(ascii: ":") else { throw unexpected("':'") }
      position &+= 1
      skipWhitespace()
    }
    nodes[open].count &+= 1
    try scanValue()
  }

  @inline(__always)
  private mutating func scanValue() throws(JSONError) {
    let byte = try current()
    values &+= 1
    guard values <= maxMembers else {
      throw failure(.tooManyMembers, at: position, "the document holds more than the limit of \(maxMembers) values")
    }
    switch byte {
    case UInt8(ascii: "\""): _ = try scanString()
    case UInt8(ascii: "{"): try begin(.object)
    case UInt8(ascii: "["): try begin(.array)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try scanNumber()
    case UInt8(ascii: "t"): try scanLiteral("true", .bool)
    case UInt8(ascii: "f"): try scanLiteral("false", .bool)
    case UInt8(ascii: "n"): try scanLiteral("null", .null)
    default: throw unexpected("a value")
    }
  }

  private mutating func begin(_ kind: JSONKind) throws(JSONError) {
    depth &+= 1
    guard depth <= maxDepth else {
      throw failure(.tooDeep, at: position, "the document nests deeper than the limit of \(maxDepth) at byte \(position)")
    }
    let index = nodes.count
    // The parent of the root is written as the largest number, which no index reaches.
    nodes.append(
      JSONNode(
        start: UInt32(truncatingIfNeeded: position), end: 0, next: UInt32(truncatingIfNeeded: open), count: 0, kind: kind, escaped: false))
    open = index
    position &+= 1
  }

  private mutating func close() throws(JSONError) {
    position &+= 1
    let node = nodes[open]
    if node.kind == .object, node.count > 1, let duplicate = duplicates.find(in: nodes, object: open, input: input) {
      throw failure(.duplicateMember, at: duplicate, "the member name at byte \(duplicate) stands twice in its object")
    }
    nodes[open].end = UInt32(truncatingIfNeeded: position)
    nodes[open].next = UInt32(truncatingIfNeeded: nodes.count)
    open = node.next == .max ? -1 : Int(node.next)
    depth &-= 1
  }

  private mutating func scanLiteral(_ text: StaticString, _ kind: JSONKind) throws(JSONError) {
    let start = position
    for offset in 0..<text.utf8CodeUnitCount {
      guard try current() == text.utf8Start[offset] else { throw unexpected("\(text)") }
      position &+= 1
    }
    append(kind, from: start)
  }

  private mutating func scanNumber() throws(JSONError) {
    let start = position
    if input[position] == UInt8(ascii: "-") { position &+= 1 }
    let first = position
    try scanDigits(start)
    if input[first] == UInt8(ascii: "0"), position - first > 1 {
      throw failure(.invalidNumber, at: start, "the number at byte \(start) has a leading zero")
    }
    if position < input.count, input[position] == UInt8(ascii: ".") {
      position &+= 1
      try scanDigits(start)
    }
    if position < input.count, input[position] | 0x20 == UInt8(ascii: "e") {
      position &+= 1
      if position < input.count, input[position] == UInt8(ascii: "+") || input[position] == UInt8(ascii: "-") { position &+= 1 }
      try scanDigits(start)
    }
    append(.number, from: start)
  }

  @inline(__always)
  private mutating func scanDigits(_ start: Int) throws(JSONError) {
    let first = position
    while position < input.count, input[position] &- UInt8(ascii: "0") < 10 { position &+= 1 }
    guard position > first else {
      throw failure(
        position < input.count ? .invalidNumber : .unexpectedEnd, at: position,
        "the number at byte \(start) lacks a digit at byte \(position)")
    }
  }

  @inline(__always)
  mutating func append(_ kind: JSONKind, from start: Int, escaped: Bool = false) {
    nodes.append(
      JSONNode(
        start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: position), next: UInt32(truncatingIfNeeded: nodes.count &+ 1),
        count: 0, kind: kind, escaped: escaped))
  }

  @inline(__always)
  mutating func skipWhitespace() {
    while position < input.count {
      let byte = input[position]
      guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      position &+= 1
    }
  }

  @inline(__always)
  func current() throws(JSONError) -> UInt8 {
    guard position < input.count else { throw failure(.unexpectedEnd, at: position, "the document ends too early, after \(position) bytes") }
    return input[position]
  }

  @inline(never)
  func unexpected(_ wanted: String) -> JSONError {
    let digits = String(input[position], radix: 16, uppercase: true)
    let byte = digits.utf8.count < 2 ? "0x0\(digits)" : "0x\(digits)"
    return failure(.unexpectedByte, at: position, "byte \(position) is \(byte) where \(wanted) should stand")
  }

  @inline(never)
  func failure(_ code: JSONError.Code, at offset: Int, _ message: @autoclosure () -> String) -> JSONError {
    JSONError(code: code, offset: offset, message: message())
  }
}
