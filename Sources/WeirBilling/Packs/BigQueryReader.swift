internal import WeirCore

/// Reads the parts of the one recognised form of query.
struct BigQueryReader {
  struct Item {
    /// The field of a dimension; nil for a sum.
    let path: Name?
    let alias: Name?
    let written: String
  }

  let tokens: [BigQueryText.Token]
  private(set) var position = 0

  init(tokens: [BigQueryText.Token]) { self.tokens = tokens }

  var isAtEnd: Bool { position == tokens.count }

  mutating func word(_ word: String) -> Bool {
    guard position < tokens.count, tokens[position].isWord(word) else { return false }
    position += 1
    return true
  }

  mutating func symbol(_ symbol: Name) -> Bool {
    guard position < tokens.count, tokens[position] == .symbol(symbol) else { return false }
    position += 1
    return true
  }

  mutating func text() -> Name? {
    guard position < tokens.count, case .text(let text) = tokens[position] else { return nil }
    position += 1
    return text
  }

  mutating func name() -> Name? {
    guard position < tokens.count, case .word(let name) = tokens[position] else { return nil }
    position += 1
    return name
  }

  private static let reserved = [
    "AND", "AS", "BY", "CASE", "CAST", "DISTINCT", "FROM", "GROUP", "IN", "NOT", "NULL", "OR", "ORDER", "SELECT", "WHERE",
  ]

  private mutating func plainName() -> Name? {
    guard let name = name(), !Self.reserved.contains(where: { Name($0).withoutCase == name.withoutCase }) else { return nil }
    return name
  }

  mutating func items() -> [Item]? {
    var items: [Item] = []
    repeat {
      guard let item = item() else { return nil }
      items.append(item)
    } while symbol(",")
    return items
  }

  private mutating func item() -> Item? {
    let start = position
    if word("SUM"), symbol("(") {
      guard word("CAST"), symbol("("), name()?.withoutCase == "cost", word("AS"), word("NUMERIC"), symbol(")"), symbol(")") else { return nil }
      guard word("AS"), let alias = plainName() else { return nil }
      return Item(path: nil, alias: alias, written: "SUM(CAST(cost AS NUMERIC)) AS \(alias)")
    }
    position = start
    guard let path = plainName() else { return nil }
    guard word("AS") else { return Item(path: path, alias: nil, written: path.string) }
    return plainName().map { Item(path: path, alias: $0, written: "\(path) AS \($0)") }
  }

  mutating func names(withDirection: Bool) -> [Name]? {
    var names: [Name] = []
    repeat {
      guard let name = plainName() else { return nil }
      names.append(name)
      if withDirection, !word("ASC") { _ = word("DESC") }
    } while symbol(",")
    return names
  }

  mutating func conditions() -> (start: CivilDate, end: CivilDate, [BigQueryCostQuery.Condition])? {
    var start: CivilDate?
    var end: CivilDate?
    var conditions: [BigQueryCostQuery.Condition] = []
    repeat {
      guard let field = plainName() else { return nil }
      if field == "usage_start_time" {
        if start == nil, symbol(">=") {
          start = moment()
        } else if end == nil, symbol("<") {
          end = moment()
        } else {
          return nil
        }
      } else {
        guard let values = values() else { return nil }
        conditions.append(BigQueryCostQuery.Condition(field: field, values: Set(values).sorted()))
      }
    } while word("AND")
    guard let start, let end else { return nil }
    return (start, end, conditions.sorted { $0.field == $1.field ? $0.values.lexicographicallyPrecedes($1.values) : $0.field < $1.field })
  }

  private mutating func moment() -> CivilDate? {
    guard word("TIMESTAMP"), symbol("("), let text = text(), symbol(")") else { return nil }
    return CivilDate(text.utf8)
  }

  private mutating func values() -> [Name]? {
    if symbol("=") { return text().map { [$0] } }
    guard word("IN"), symbol("(") else { return nil }
    var values: [Name] = []
    repeat {
      guard let value = text() else { return nil }
      values.append(value)
    } while symbol(",")
    return symbol(")") ? values : nil
  }
}
