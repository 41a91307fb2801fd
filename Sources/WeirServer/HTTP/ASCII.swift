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
    if equalsFolded(text, lowercase) { return true }
    for member in text.utf8.split(separator: UInt8(ascii: ",")) {
      let bare = member.prefix { $0 != UInt8(ascii: ";") }
      if equalsFolded(trimmed(Substring(bare)), lowercase) { return true }
    }
    return false
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
