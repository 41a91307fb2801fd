internal import WeirCore

/// A VQL filter of the one form that is taken apart: conditions on a field's values, joined by AND within one pair of parentheses. `=` is a list
/// of one. Everything else (OR, NOT, LIKE, NULL, more parentheses, quotes within a text) is no filter.
struct VantageFilter: Sendable, Equatable {
  struct Condition: Sendable, Equatable {
    let field: Name
    /// Each once, in the order in which they were written.
    let values: [Name]
  }

  let conditions: [Condition]

  init?(_ text: some Collection<UInt8>) {
    var reader = Reader(bytes: Array(text))
    guard reader.symbol("("), let first = reader.condition() else { return nil }
    var conditions = [first]
    while reader.word("AND") {
      guard let next = reader.condition() else { return nil }
      conditions.append(next)
    }
    guard reader.symbol(")"), reader.isAtEnd else { return nil }
    self.conditions = conditions
  }

  /// The filter with other values at one of its conditions.
  func text(with values: [Name], at index: Int) -> String {
    let parts = conditions.enumerated().map { position, condition in
      let values = position == index ? values : condition.values
      let quoted = values.map { "'\($0)'" }
      return "\(condition.field) " + (quoted.count == 1 ? "= \(quoted[0])" : "IN (\(quoted.joined(separator: ", ")))")
    }
    return "(\(parts.joined(separator: " AND ")))"
  }

  private struct Reader {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool {
      mutating get {
        skipSpaces()
        return position == bytes.count
      }
    }

    mutating func condition() -> Condition? {
      guard let field = field() else { return nil }
      if symbol("=") { return text().map { Condition(field: field, values: [$0]) } }
      guard word("IN"), symbol("("), let first = text() else { return nil }
      var values = [first]
      while symbol(",") {
        guard let next = text() else { return nil }
        if !values.contains(next) { values.append(next) }
      }
      return symbol(")") ? Condition(field: field, values: values) : nil
    }

    mutating func symbol(_ symbol: String) -> Bool {
      skipSpaces()
      guard bytes[position...].starts(with: symbol.utf8) else { return false }
      position += symbol.utf8.count
      return true
    }

    /// A keyword in capitals, with a space or a parenthesis after it.
    mutating func word(_ word: String) -> Bool {
      let start = position
      guard symbol(word), position < bytes.count, [UInt8(ascii: " "), UInt8(ascii: "(")].contains(bytes[position]) else {
        position = start
        return false
      }
      return true
    }

    /// `costs.service`, `tags.name`.
    private mutating func field() -> Name? {
      skipSpaces()
      let end = bytes[position...].firstIndex {
        !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) && $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: ".")
      }
      let name = bytes[position..<(end ?? bytes.count)]
      guard name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).count == 2, name.count > 2 else { return nil }
      position = name.endIndex
      return Name(utf8: name)
    }

    /// In single quotes; plain text, without quotes or backslashes in it.
    private mutating func text() -> Name? {
      guard symbol("'"), let end = bytes[position...].firstIndex(of: UInt8(ascii: "'")) else { return nil }
      let text = bytes[position..<end]
      guard !text.isEmpty, text.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "\"") }) else { return nil }
      position = end + 1
      // Two quotes in a row would be one within the text.
      return position < bytes.count && bytes[position] == UInt8(ascii: "'") ? nil : Name(utf8: text)
    }

    private mutating func skipSpaces() {
      while position < bytes.count, bytes[position] == UInt8(ascii: " ") { position += 1 }
    }
  }
}
