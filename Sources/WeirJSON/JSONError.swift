/// Why bytes are no acceptable JSON document, or why a document has no canonical form.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable, CaseIterable {
    /// The document ends too early.
    case unexpectedEnd
    /// A byte stands where the grammar of RFC 8259 has no place for it.
    case unexpectedByte
    /// Something follows the document.
    case trailingContent
    /// A byte order mark in front, which RFC 8259 §8.1 lets a reader refuse.
    case byteOrderMark
    /// A string holds bytes that are not well-formed UTF-8.
    case invalidUTF8
    /// A backslash is followed by something other than the escapes of RFC 8259 §7.
    case invalidEscape
    /// An escaped surrogate without its other half.
    case loneSurrogate
    /// A control character stands unescaped in a string.
    case controlCharacter
    /// A number breaks the grammar of RFC 8259 §6.
    case invalidNumber
    /// An object has two members of one name.
    case duplicateMember
    /// More bytes than the limit.
    case tooLarge
    /// Deeper than the limit.
    case tooDeep
    /// More values than the limit.
    case tooManyMembers
    /// An exponent so large that the number has no canonical form.
    case numberOutOfRange
  }

  package var code: Code
  /// Offset in bytes from the start of the document.
  package var offset: Int
  /// One line that names the fault and its place and repeats nothing of the document but one byte.
  package var message: String

  package init(code: Code, offset: Int, message: String) {
    self.code = code
    self.offset = offset
    self.message = message
  }

  package var description: String { message }
}
