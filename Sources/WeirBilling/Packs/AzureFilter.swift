internal import WeirCore
internal import WeirJSON

/// The filter of a Cost Management query as a list of conditions that all hold: `In` on dimensions, and others that are taken as they are.
struct AzureFilter {
  private(set) var leaves: [AzureCostQuery.Leaf] = []
  private(set) var others: [[UInt8]] = []

  /// Nil for what is no filter.
  init?(_ value: JSONValue?) {
    guard let value else { return }
    guard add(value, depth: 0) else { return nil }
    leaves.sort { $0.dimension == $1.dimension ? $0.values.lexicographicallyPrecedes($1.values) : $0.dimension < $1.dimension }
    others.sort { $0.lexicographicallyPrecedes($1) }
  }

  private mutating func add(_ value: JSONValue, depth: Int) -> Bool {
    guard value.kind == .object, value.count == 1, depth < 16 else { return false }
    if let all = value["and"] {
      guard all.kind == .array, all.count > 0 else { return false }
      return all.elements.allSatisfy { add($0, depth: depth + 1) }
    }
    if let leaf = value["dimensions"].flatMap(Self.leaf) {
      leaves.append(leaf)
      return true
    }
    guard let canonical = try? value.canonical() else { return false }
    others.append(canonical)
    return true
  }

  private static func leaf(_ value: JSONValue) -> AzureCostQuery.Leaf? {
    guard AzureCostQuery.has(value, only: ["name", "operator", "values"]), value["operator"]?.isString("In") == true else { return nil }
    guard let name = value["name"]?.string, let list = value["values"], list.kind == .array, list.count > 0 else { return nil }
    let values = list.elements.compactMap { $0.string.map { Name($0) } }
    return values.count == list.count ? AzureCostQuery.Leaf(dimension: Name(name), values: Set(values).sorted()) : nil
  }

  /// The member `filter` of a dataset; nothing where there is no condition.
  static func write(_ leaves: [AzureCostQuery.Leaf], _ others: [[UInt8]], to writer: inout JSONWriter) {
    let conditions = leaves.map(text) + others
    guard !conditions.isEmpty else { return }
    writer.key("filter")
    guard conditions.count > 1 else { return writer.raw(conditions[0]) }
    writer.beginObject()
    writer.key("and")
    writer.beginArray()
    for condition in conditions { writer.raw(condition) }
    writer.endArray()
    writer.endObject()
  }

  private static func text(_ leaf: AzureCostQuery.Leaf) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("dimensions")
    writer.beginObject()
    writer.member("name", leaf.dimension.string)
    writer.member("operator", "In")
    writer.key("values")
    writer.beginArray()
    for value in leaf.values { writer.value(value.string) }
    writer.endArray()
    writer.endObject()
    writer.endObject()
    return writer.bytes
  }
}
