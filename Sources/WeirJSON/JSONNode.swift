/// One entry of the tape: a value, or the name of a member, which stands right before its value.
struct JSONNode: Sendable {
  /// Offset of the first byte.
  var start: UInt32
  /// Offset after the last byte.
  var end: UInt32
  /// Index of the first entry after this value and everything in it. While a container is open: the index of its parent.
  var next: UInt32
  /// Elements of an array, members of an object.
  var count: UInt32
  var kind: JSONKind
  /// A string has escapes; an object has a member whose name has escapes.
  var escaped: Bool
}
