internal import WeirCore
internal import WeirJSON

/// A filter expression of Cost Explorer in its one canonical form: no And within an And, no Or within an Or, at least two children in each, in
/// the order of their bytes, none twice. Built by `all`, `any` and parsing alone.
indirect enum CostFilter: Hashable, Sendable {
  case and([CostFilter])
  case or([CostFilter])
  case not(CostFilter)
  case leaf(Leaf)

  /// Costs whose key has one of the values.
  struct Leaf: Hashable, Sendable {
    let key: CostKey
    /// Sorted, none twice; nil where the expression names none.
    let values: [Name]?
    /// Sorted, none twice; empty for the default, `EQUALS` and `CASE_SENSITIVE`.
    let options: [Name]

    /// The groups of the key that hold exactly these costs; nil where there are none such.
    var sliceValues: [Name]? { options.isEmpty && values?.isEmpty == false ? values : nil }
  }

  static func all(_ children: [CostFilter]) -> CostFilter? {
    let flat = normalized(children.flatMap { child in if case .and(let inner) = child { inner } else { [child] } })
    return flat.count > 1 ? .and(flat) : flat.first
  }

  static func any(_ children: [CostFilter]) -> CostFilter? {
    let flat = normalized(children.flatMap { child in if case .or(let inner) = child { inner } else { [child] } })
    return flat.count > 1 ? .or(flat) : flat.first
  }

  /// What all has to hold.
  var conjuncts: [CostFilter] { if case .and(let children) = self { children } else { [self] } }

  /// Whether the key appears anywhere in it.
  func mentions(_ key: CostKey) -> Bool {
    switch self {
    case .and(let children), .or(let children): children.contains { $0.mentions(key) }
    case .not(let child): child.mentions(key)
    case .leaf(let leaf): leaf.key == key
    }
  }

  /// The expression as JSON, members sorted.
  var json: [UInt8] {
    var writer = JSONWriter()
    write(to: &writer)
    return writer.bytes
  }

  private func write(to writer: inout JSONWriter) {
    writer.beginObject()
    switch self {
    case .and(let children): Self.write(children, "And", to: &writer)
    case .or(let children): Self.write(children, "Or", to: &writer)
    case .not(let child):
      writer.key("Not")
      child.write(to: &writer)
    case .leaf(let leaf):
      writer.key(leaf.key.kind.root)
      leaf.write(to: &writer)
    }
    writer.endObject()
  }

  private static func write(_ children: [CostFilter], _ name: String, to writer: inout JSONWriter) {
    writer.key(name)
    writer.beginArray()
    for child in children { child.write(to: &writer) }
    writer.endArray()
  }

  private static func normalized(_ children: [CostFilter]) -> [CostFilter] {
    guard children.count > 1 else { return children }
    let sorted = children.map { (bytes: $0.json, filter: $0) }.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    var result: [CostFilter] = []
    var last: [UInt8]?
    for child in sorted where child.bytes != last {
      result.append(child.filter)
      last = child.bytes
    }
    return result
  }
}

extension CostFilter.Leaf {
  fileprivate func write(to writer: inout JSONWriter) {
    func list(_ name: String, _ names: [Name]) {
      writer.key(name)
      writer.beginArray()
      for name in names { writer.value(name.string) }
      writer.endArray()
    }
    writer.beginObject()
    writer.member("Key", key.name.string)
    if !options.isEmpty { list("MatchOptions", options) }
    if let values { list("Values", values) }
    writer.endObject()
  }
}
