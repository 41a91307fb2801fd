/// Comparisons of header text by bytes; `String ==` folds Unicode and `lowercased()` allocates.
enum ASCII {
  /// Equal where A–Z and a–z count as the same. `lowercase` must be lower case.
  static func equalsFolded(_ text: some StringProtocol, _ lowercase: StaticString) -> Bool {
    guard text.utf8.count == lowercase.utf8CodeUnitCount else { return false }
    var position = lowercase.utf8Start
    for byte in text.utf8 {
      guard lowered(byte) == position.pointee else { return false }
      position += 1
    }
    return true
  }

  static func equalsFolded(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
    left.elementsEqual(right) { lowered($0) == lowered($1) }
  }

  static func equals(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }

  static func lowered(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

  /// Without spaces and tabs at both ends.
  static func trimmed(_ text: some StringProtocol) -> Substring {
    var view = Substring(text).utf8
    while let first = view.first, isSpace(first) { view.removeFirst() }
    while let last = view.last, isSpace(last) { view.removeLast() }
    return Substring(view)
  }

  /// True where a comma-separated list has this member, parameters (`;…`) aside.
  static func list(_ text: String, contains lowercase: StaticString) -> Bool {
    var rest = text.utf8[...]
    while true {
      let member = rest.prefix { $0 != UInt8(ascii: ",") }
      if matches(member, lowercase) { return true }
      guard member.endIndex < rest.endIndex else { return false }
      rest = rest[rest.index(after: member.endIndex)...]
    }
  }

  private static func matches(_ member: Substring.UTF8View, _ lowercase: StaticString) -> Bool {
    var position = 0
    var isOver = false
    for byte in member.drop(while: isSpace) {
      if byte == UInt8(ascii: ";") { break }
      if isSpace(byte) {
        isOver = true
        continue
      }
      guard !isOver, position < lowercase.utf8CodeUnitCount, lowered(byte) == lowercase.utf8Start[position] else { return false }
      position += 1
    }
    return position == lowercase.utf8CodeUnitCount
  }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
