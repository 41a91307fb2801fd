import WeirCore
import WeirJSON
import WeirMCP

/// Gathers the pages of a list of resources, resource templates or prompts. Pure.
struct ItemPager: Sendable {
  private let kind: CatalogKind
  private let upstream: Name
  private let maxItems: Int
  private let redactor: Redactor
  private var turner: PageTurner
  private var keys: Set<Name> = []

  private(set) var items: [CatalogItem] = []
  /// One line for each definition that was left out, at most 20.
  private(set) var warnings: [String] = []

  init(_ kind: CatalogKind, upstream: Name, maxPages: Int, maxItems: Int, redactor: Redactor) {
    self.kind = kind
    self.upstream = upstream
    self.maxItems = maxItems
    self.redactor = redactor
    turner = PageTurner(upstream: upstream, method: kind.listMethod, maxPages: maxPages)
  }

  /// Takes a result of the list's method.
  mutating func add(_ page: JSONDocument) throws(CallError) -> PageTurner.Step {
    guard let list = page.root[kind.listMember], list.kind == .array else {
      throw ErrorText.invalid(upstream, "the result of \(kind.listMethod) has no array \"\(kind.listMember)\"")
    }
    for element in list.elements {
      guard items.count < maxItems else { throw ErrorText.invalid(upstream, "\(kind.listMethod) has more than \(maxItems) elements") }
      take(element)
    }
    return try turner.turn(page.root)
  }

  private mutating func take(_ element: JSONValue) {
    guard element.kind == .object, let bytes = element[kind.keyMember]?.stringBytes, !bytes.isEmpty, let key = Name(utf8: bytes) else {
      return warn("an element of \(kind.listMethod) without \(kind.keyMember) was left out")
    }
    guard keys.insert(key).inserted else {
      return warn("\(redactor.clean(key.string, limit: 130)) stands twice in \(kind.listMethod); the first definition stands")
    }
    items.append(CatalogItem(key: key, json: element.raw))
  }

  private mutating func warn(_ line: String) {
    if warnings.count < 20 { warnings.append(line) }
  }
}
