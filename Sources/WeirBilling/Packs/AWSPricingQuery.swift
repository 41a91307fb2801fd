internal import WeirCore
internal import WeirJSON

/// A call of `get_pricing`, as far as it is written in a way whose meaning is beyond doubt: what is not is no query, and asked alone.
struct AWSPricingQuery: Sendable {
  struct Filter: Sendable, Equatable {
    let field: Name
    let type: Name
    /// The canonical JSON of the value.
    let value: [UInt8]
    /// What an EQUALS asks for, where it could stand in a list: the server joins lists with commas, so a value with one never can.
    let listed: Name?
    /// How many it lets through.
    let count: Int
  }

  /// The arguments that it was made from.
  let canonical: [UInt8]

  let service: Name
  /// As the caller wrote them; nil where no region is asked for.
  let regions: [Name]?
  /// A list of one is the same question as its element, but the answer's message quotes a list.
  let isRegionList: Bool
  /// In one order, since all of them must hold.
  let filters: [Filter]
  /// `output_options`, canonical; empty where there are none.
  let options: [UInt8]
  /// The product attributes that the answer shows; nil means all.
  let visible: Set<Name>?
  let maxResults: Int
  /// Nil means unlimited.
  let maxCharacters: Int?
  /// The server's own limit where a call names none.
  static let usualCharacters = 100_000

  /// From the canonical arguments.
  init?(_ arguments: JSONValue) {
    let known = ["service_code", "region", "filters", "max_allowed_characters", "output_options", "max_results"]
    guard arguments.kind == .object, arguments.members.allSatisfy({ name, _ in known.contains(where: name.isString) }) else { return nil }
    guard let service = arguments["service_code"]?.string, !service.isEmpty else { return nil }
    guard let regions = Self.regions(arguments["region"]), let filters = Self.filters(arguments["filters"]) else { return nil }
    guard let options = Self.options(arguments["output_options"]) else { return nil }
    // A full page may come with a token for the next: with pages of one product no part of an answer is ever known to be whole.
    guard let maxResults = Self.integer(arguments["max_results"], default: 100), (2...100).contains(maxResults) else { return nil }
    guard let characters = Self.integer(arguments["max_allowed_characters"], default: Self.usualCharacters), characters == -1 || characters > 0 else {
      return nil
    }
    self.canonical = Array(arguments.rawBytes)
    self.service = Name(service)
    self.regions = regions.names
    self.isRegionList = regions.isList
    self.filters = filters
    self.options = options.canonical
    self.visible = options.visible
    self.maxResults = maxResults
    self.maxCharacters = characters == -1 ? nil : characters
  }

  /// Of a region and a value of each filter.
  var combinations: Int { filters.reduce(regions?.count ?? 1) { $0 * max(1, $1.count) } }

  /// Whether the answer's products tell their value of this attribute.
  func shows(_ attribute: Name) -> Bool { visible?.contains(attribute) ?? true }

  /// Region codes look like `us-east-1`; the server would read other words (`null`) as JSON.
  private static func isRegion(_ name: Name) -> Bool {
    let parts = name.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    let isLowercase = { (byte: UInt8) in (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    guard parts.count > 1, parts[0].count > 1, parts[0].allSatisfy(isLowercase) else { return false }
    return parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { isLowercase($0) || isDigit($0) } }
  }

  private static func regions(_ value: JSONValue?) -> (names: [Name]?, isList: Bool)? {
    guard let value else { return (nil, false) }
    if let name = value.string.map({ Name($0) }) { return isRegion(name) ? ([name], false) : nil }
    let names = value.elements.compactMap { $0.string.map { Name($0) } }
    guard value.kind == .array, names.count == value.count, !names.isEmpty, names.allSatisfy(isRegion) else { return nil }
    return (names, true)
  }

  private static func filters(_ value: JSONValue?) -> [Filter]? {
    guard let value else { return [] }
    guard value.kind == .array, value.count < 50 else { return nil }
    var filters: [Filter] = []
    for element in value.elements {
      guard let filter = filter(element) else { return nil }
      filters.append(filter)
    }
    return filters.sorted { one, other in
      if one.field != other.field { return one.field < other.field }
      return one.type != other.type ? one.type < other.type : one.value.lexicographicallyPrecedes(other.value)
    }
  }

  private static func filter(_ element: JSONValue) -> Filter? {
    guard element.members.allSatisfy({ name, _ in ["Field", "Type", "Value"].contains(where: name.isString) }) else { return nil }
    guard let field = element["Field"]?.string, !field.isEmpty, let value = element["Value"], let canonical = try? value.canonical() else {
      return nil
    }
    let type = element["Type"].map { $0.string } ?? "EQUALS"
    guard let type, !type.isEmpty, value.kind == .array ? value.elements.allSatisfy({ $0.kind == .string }) : value.kind == .string else {
      return nil
    }
    let text = type == "EQUALS" ? value.string.map { Name($0) } : nil
    return Filter(
      field: Name(field), type: Name(type), value: canonical, listed: text.flatMap { isListable($0) ? $0 : nil },
      count: value.kind == .array ? value.count : 1)
  }

  /// Plain text without a comma, and without spaces at its ends, which a list may lose.
  private static func isListable(_ name: Name) -> Bool {
    let bytes = Array(name.utf8)
    guard let first = bytes.first, let last = bytes.last, first != UInt8(ascii: " "), last != UInt8(ascii: " ") else { return false }
    return bytes.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") }
  }

  private static func options(_ value: JSONValue?) -> (canonical: [UInt8], visible: Set<Name>?)? {
    guard let value else { return ([], nil) }
    guard value.kind == .object, let canonical = try? value.canonical() else { return nil }
    guard let attributes = value["product_attributes"], !attributes.isNull else { return (canonical, nil) }
    let names = attributes.elements.compactMap { $0.string.map { Name($0) } }
    guard attributes.kind == .array, names.count == attributes.count else { return nil }
    return (canonical, Set(names))
  }

  private static func integer(_ value: JSONValue?, default: Int) -> Int? {
    guard let value else { return `default` }
    return value.int
  }
}
