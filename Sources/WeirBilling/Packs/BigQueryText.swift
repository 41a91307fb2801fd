internal import WeirCore

/// The tokens of a GoogleSQL text, as far as they are plain: no comments, no escapes or line breaks in texts, no parameters. Enough to tell whether
/// two texts are the same query, not to understand one.
struct BigQueryText: Sendable, Equatable {
  enum Token: Sendable, Equatable {
    /// A name or keyword, with dots between its parts as in `service.description`; quoted ones with their backticks.
    case word(Name)
    /// The text between single or double quotes.
    case text(Name)
    case number(Name)
    case symbol(Name)

    var written: String {
      switch self {
      case .word(let name), .number(let name), .symbol(let name): name.string
      case .text(let name): "'\(name)'"
      }
    }

    /// Keywords and functions in capitals, as they are looked for here.
    func isWord(_ word: String) -> Bool {
      if case .word(let name) = self { name.withoutCase == Name(word).withoutCase } else { false }
    }
  }

  let tokens: [Token]

  /// Whatever white space stood between them is one space.
  var written: String { tokens.map(\.written).joined(separator: " ") }

  init?(_ bytes: [UInt8]) {
    var tokens: [Token] = []
    var position = 0
    while position < bytes.count {
      if [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
        position += 1
      } else if let (token, end) = Self.token(bytes, at: position) {
        tokens.append(token)
        position = end
      } else {
        return nil
      }
    }
    if tokens.last == .symbol(";") { tokens.removeLast() }
    self.tokens = tokens
  }

  private static func token(_ bytes: [UInt8], at start: Int) -> (Token, end: Int)? {
    let byte = bytes[start]
    switch byte {
    case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"):
      guard let end = bytes[(start + 1)...].firstIndex(of: byte), end > start + 1 else { return nil }
      let inner = bytes[(start + 1)..<end]
      guard inner.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "'") }), let name = Name(utf8: inner) else { return nil }
      // Three quotes in a row begin another kind of text, and what stands right before a quote changes its meaning.
      guard end + 1 == bytes.count || bytes[end + 1] != byte, start == 0 || !isWordByte(bytes[start - 1]) else { return nil }
      return (byte == UInt8(ascii: "`") ? .word(Name("`\(name)`")) : .text(name), end + 1)
    case _ where isDigit(byte):
      let end = bytes[start...].firstIndex { !isDigit($0) && $0 != UInt8(ascii: ".") } ?? bytes.count
      guard end == bytes.count || !isWordByte(bytes[end]) else { return nil }
      return Name(utf8: bytes[start..<end]).map { (.number($0), end) }
    case _ where isWordByte(byte):
      let end = bytes[start...].firstIndex { !isWordByte($0) && $0 != UInt8(ascii: ".") } ?? bytes.count
      return Name(utf8: bytes[start..<end]).map { (.word($0), end) }
    default:
      for symbol in ["<=", ">=", "!=", "<>", "||"] where bytes[start...].starts(with: symbol.utf8) { return (.symbol(Name(symbol)), start + 2) }
      if byte == UInt8(ascii: "-"), start + 1 < bytes.count, bytes[start + 1] == byte { return nil }
      if byte == UInt8(ascii: "/"), start + 1 < bytes.count, bytes[start + 1] == UInt8(ascii: "*") { return nil }
      let known = Array("(),.*+-/=<>;[]".utf8)
      return known.contains(byte) ? (.symbol(Name(String(UnicodeScalar(byte)))), start + 1) : nil
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
  }

  /// One query that only reads, and reads the same as long as its tables are the same: nothing in it asks for the time, the caller or for chance,
  /// and it calls no function of the user's, which might.
  var isRepeatable: Bool {
    guard let first = tokens.first, first.isWord("SELECT") || first.isWord("WITH"), !tokens.contains(.symbol(";")) else { return false }
    return tokens.indices.allSatisfy { index in
      guard case .word(let name) = tokens[index] else { return true }
      let isCall = index + 1 < tokens.count && tokens[index + 1] == .symbol("(")
      let parts = name.withoutCase.utf8.split { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "`") }
      let isQuoted = name.utf8.first == UInt8(ascii: "`")
      if isCall, isQuoted || parts.count > 1 { return false }
      let refused = isQuoted ? ["information_schema"] : Self.changing
      return parts.allSatisfy { part in !refused.contains { part.elementsEqual($0.utf8) } }
    }
  }

  private static let changing = [
    "current_date", "current_datetime", "current_time", "current_timestamp", "current_user", "session_user", "now", "rand", "generate_uuid",
    "tablesample", "external_query", "system_time", "information_schema",
  ]
}
