internal import WeirCore
internal import WeirJSON

extension CostFilter {
  /// From the JSON of an expression; nil for anything that is not exactly understood, such as several roots or product attributes.
  init?(_ value: JSONValue) {
    guard value.kind == .object, value.count == 1, let member = value.members.first(where: { _ in true }), let root = member.name.string else {
      return nil
    }
    let body = member.value
    let filter: CostFilter? =
      switch root {
      case "And": Self.children(body).flatMap(Self.all)
      case "Or": Self.children(body).flatMap(Self.any)
      case "Not": CostFilter(body).map { .not($0) }
      default: Leaf(root: Name(root), body).map { .leaf($0) }
      }
    guard let filter else { return nil }
    self = filter
  }

  private static func children(_ body: JSONValue) -> [CostFilter]? {
    guard body.kind == .array else { return nil }
    var children: [CostFilter] = []
    for element in body.elements {
      guard let child = CostFilter(element) else { return nil }
      children.append(child)
    }
    return children
  }
}

extension CostFilter.Leaf {
  fileprivate init?(root: Name, _ body: JSONValue) {
    guard let kind = CostKey.Kind.allCases.first(where: { Name($0.root) == root }), body.kind == .object else { return nil }
    var (name, values, options): (Name?, [Name]?, [Name]) = (nil, nil, [])
    for member in body.members {
      switch member.name.string {
      case "Key":
        guard let text = member.value.string, !text.isEmpty else { return nil }
        name = Name(text)
      case "Values":
        // An empty list is not the same as none: who knows how the service reads it.
        guard let list = Self.names(member.value) else { return nil }
        values = list
      case "MatchOptions":
        guard let list = Self.names(member.value), !list.isEmpty, list.allSatisfy(Self.known.contains) else { return nil }
        options = list == Self.standard ? [] : list
      default: return nil
      }
    }
    guard let name, kind != .dimension || values?.isEmpty == false else { return nil }
    self.init(key: CostKey(kind: kind, name: name), values: values, options: options)
  }

  /// Texts; sorted, none twice.
  private static func names(_ list: JSONValue) -> [Name]? {
    guard list.kind == .array else { return nil }
    let names = Set(list.elements.compactMap { $0.string.map { Name($0) } })
    guard list.elements.allSatisfy({ $0.kind == .string }) else { return nil }
    return names.sorted()
  }

  private static let standard: [Name] = ["CASE_SENSITIVE", "EQUALS"]
  private static let known: Set<Name> = [
    "EQUALS", "ABSENT", "STARTS_WITH", "ENDS_WITH", "CONTAINS", "CASE_SENSITIVE", "CASE_INSENSITIVE", "GREATER_THAN_OR_EQUAL",
  ]
}
