internal import WeirCore
internal import WeirJSON

/// What costs are filtered and grouped by.
struct CostKey: Hashable, Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case dimension = "DIMENSION"
    case tag = "TAG"
    case costCategory = "COST_CATEGORY"

    /// The member of a filter expression.
    var root: String {
      switch self {
      case .dimension: "Dimensions"
      case .tag: "Tags"
      case .costCategory: "CostCategories"
      }
    }
  }

  let kind: Kind
  let name: Name

  static func dimension(_ name: Name) -> CostKey { CostKey(kind: .dimension, name: name) }

  /// Whether costs can be grouped by it: the documented list of dimensions, `REGION`, which works though it is not listed, every tag and every
  /// cost category.
  var isGroupable: Bool { kind != .dimension || Self.dimensions.contains(name) }

  /// What stands in `Keys` for costs of this value.
  func groupKey(of value: Name) -> Name { kind == .dimension ? value : Name("\(name)$\(value)") }

  /// The value that stands in `Keys` so; nil for costs without one.
  func value(ofGroup key: Name) -> Name? {
    guard kind != .dimension else { return key.string.isEmpty ? nil : key }
    let prefix = "\(name)$"
    guard key.string.hasPrefix(prefix), key.string.utf8.count > prefix.utf8.count else { return nil }
    return Name(String(key.string.dropFirst(prefix.count)))
  }

  /// As an element of `group_by`.
  var json: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("Key", name.string)
    writer.member("Type", kind.rawValue)
    writer.endObject()
    return writer.bytes
  }

  private static let dimensions: Set<Name> = [
    "AZ", "INSTANCE_TYPE", "INVOICING_ENTITY", "LEGAL_ENTITY_NAME", "LINKED_ACCOUNT", "OPERATION", "PLATFORM", "PURCHASE_TYPE", "RECORD_TYPE",
    "REGION", "SERVICE", "TENANCY", "USAGE_TYPE",
  ]
}

extension CostKey {
  /// From an element of `group_by`, or of `GroupDefinitions`; nil for anything but a type and a key that are known.
  init?(_ value: JSONValue) {
    guard value.count == 2, let type = value["Type"]?.string.flatMap(Kind.init(rawValue:)), let name = value["Key"]?.string, !name.isEmpty else {
      return nil
    }
    self.init(kind: type, name: Name(name))
  }
}
