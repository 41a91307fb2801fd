internal import WeirJSON

/// A filter of the shape of Cost Explorer's `Expression`: `And`, `Or`, `Not`, `Dimensions`, `Tags`.
struct LedgerFilter: Sendable {
  struct Invalid: Error {
    let message: String
  }

  private indirect enum Node: Sendable {
    case and([Node]), or([Node]), not(Node)
    case values(key: LedgerKey, values: [String])
  }

  private let root: Node?

  init(_ expression: JSONValue?) throws(Invalid) {
    guard let expression, !expression.isNull else {
      root = nil
      return
    }
    root = try Self.node(expression)
  }

  func matches(_ row: Ledger.Row) -> Bool {
    root.map { Self.matches($0, row) } ?? true
  }

  private static func matches(_ node: Node, _ row: Ledger.Row) -> Bool {
    switch node {
    case .and(let nodes): nodes.allSatisfy { matches($0, row) }
    case .or(let nodes): nodes.contains { matches($0, row) }
    case .not(let node): !matches(node, row)
    case .values(let key, let values): values.contains { $0.utf8.elementsEqual(key.value(of: row).utf8) }
    }
  }

  private static func node(_ value: JSONValue) throws(Invalid) -> Node {
    guard value.kind == .object, value.count == 1 else { throw Invalid(message: "a filter has exactly one of And, Or, Not, Dimensions, Tags") }
    if let list = value["And"] { return .and(try nodes(list)) }
    if let list = value["Or"] { return .or(try nodes(list)) }
    if let inner = value["Not"] { return .not(try node(inner)) }
    if let leaf = value["Dimensions"] { return try values(leaf, tag: false) }
    if let leaf = value["Tags"] { return try values(leaf, tag: true) }
    throw Invalid(message: "a filter has exactly one of And, Or, Not, Dimensions, Tags")
  }

  private static func nodes(_ list: JSONValue) throws(Invalid) -> [Node] {
    guard list.kind == .array, list.count >= 2 else { throw Invalid(message: "And and Or take a list of at least two filters") }
    var nodes: [Node] = []
    for element in list.elements { nodes.append(try node(element)) }
    return nodes
  }

  private static func values(_ leaf: JSONValue, tag: Bool) throws(Invalid) -> Node {
    guard let name = leaf["Key"]?.string, let key = LedgerKey(type: tag ? "TAG" : "DIMENSION", name: name) else {
      throw Invalid(message: "an unknown Key in a filter; known dimensions: LINKED_ACCOUNT, SERVICE, REGION; known tag: team")
    }
    guard let list = leaf["Values"], list.kind == .array else { throw Invalid(message: "a filter needs a list of Values") }
    return .values(key: key, values: list.elements.compactMap(\.string))
  }
}

/// What rows can be filtered and grouped by.
enum LedgerKey: Sendable {
  case account, service, region, team

  init?(type: String, name: String) {
    switch (type, name) {
    case ("DIMENSION", "LINKED_ACCOUNT"): self = .account
    case ("DIMENSION", "SERVICE"): self = .service
    case ("DIMENSION", "REGION"): self = .region
    case ("TAG", "team"): self = .team
    default: return nil
    }
  }

  func value(of row: Ledger.Row) -> String {
    switch self {
    case .account: row.account
    case .service: row.service
    case .region: row.region
    case .team: row.team
    }
  }

  /// As it stands in the `Keys` of a group: tags with their name.
  func groupKey(of row: Ledger.Row) -> String {
    if case .team = self { return "team$\(row.team)" }
    return value(of: row)
  }

  var values: [String] {
    switch self {
    case .account: Ledger.accounts
    case .service: Ledger.services
    case .region: Ledger.regions
    case .team: Ledger.teams.filter { !$0.isEmpty }
    }
  }
}
