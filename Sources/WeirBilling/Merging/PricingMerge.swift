internal import WeirCore
internal import WeirJSON

/// `get_pricing` for several regions and several values of filters, as one request: the products of each are those that say so in their
/// attributes. Two members' limits are their own: one page of the one call must hold everything, and a member whose part could be longer than the
/// text it allows is asked alone.
struct PricingMerge: MergeRule {
  /// What the members differ in.
  enum Place: Sendable, Equatable {
    case region
    /// The value of the filter at this index.
    case filter(Int)
  }

  struct Axis: Sendable {
    let place: Place
    let attribute: Name
    /// Each once, in the order of the members.
    let values: [Name]
  }

  struct Merged: Sendable {
    let query: AWSPricingQuery
    /// The products of every combination are asked for, also of those that no member wants.
    let axes: [Axis]
    /// Nil means unlimited.
    let maxCharacters: Int?
  }

  let book: PriceBook

  /// A filter value holds 1,024 characters at most (AWS Price List API, `Value`).
  private static let maxValueLength = 1024
  /// Filters by these are not about an attribute of the product.
  private static let otherFields: Set<Name> = [
    "ServiceCode", "serviceCode", "servicecode", "productFamily", "termType", "LeaseContractLength", "OfferingClass", "PurchaseOption",
  ]

  /// What two calls must have in common to be looked at together.
  /// - Parameter isMerged: lists of values stand for one of them.
  static func group(_ query: AWSPricingQuery, isMerged: Bool = false) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    writer.value("get_pricing")
    writer.value(query.service.string)
    writer.value(query.regions != nil)
    writer.raw(query.options.isEmpty ? Array("null".utf8) : query.options)
    for filter in query.filters {
      writer.value(filter.field.string)
      writer.value(isMerged && filter.type == "ANY_OF" ? "EQUALS" : filter.type.string)
    }
    writer.endArray()
    return writer.bytes
  }

  func canMerge(_ one: AWSPricingQuery, _ other: AWSPricingQuery) -> Bool { Self.axes(of: [one, other]) != nil }

  func merge(_ queries: [AWSPricingQuery], within limits: MergeLimits) -> Merged? {
    guard let first = queries.first, let axes = Self.axes(of: queries) else { return nil }
    for axis in axes {
      let values = axis.values
      guard values.count <= limits.values, Set(values.map(\.withoutCase)).count == values.count else { return nil }
      guard values.reduce(values.count - 1, { $0 + $1.utf8.count }) <= Self.maxValueLength else { return nil }
    }
    let cells = axes.reduce(1) { $0 * $1.values.count }
    guard book.fitsPage(Self.group(first), cells: cells, isGrid: axes.count > 1) else { return nil }
    var maxCharacters: Int? = 0
    for query in queries { maxCharacters = maxCharacters.flatMap { most in query.maxCharacters.map { max(most, min($0, 1 << 40)) } } }
    return Merged(query: first, axes: axes, maxCharacters: maxCharacters.map { $0 * max(cells, queries.count) })
  }

  func neighbours(of query: AWSPricingQuery, on day: CivilDate) -> [[UInt8]] {
    // Who wants little room will probably be told that it is too little, which is found out with nobody else on board.
    query.maxCharacters.map { $0 < AWSPricingQuery.usualCharacters } == true ? [] : book.others(like: query, Self.group(query), on: day)
  }

  func note(_ query: AWSPricingQuery) { book.note(query, Self.group(query)) }

  func refuseNeighbours(of query: AWSPricingQuery, on day: CivilDate) { book.refuse(Self.group(query), on: day) }

  func arguments(of merged: Merged) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("service_code", merged.query.service.string)
    if let axis = merged.axes.first(where: { $0.place == .region }) {
      Self.write(axis.values, as: "region", to: &writer)
    } else if let regions = merged.query.regions {
      if merged.query.isRegionList { Self.writeList(regions, as: "region", to: &writer) } else { writer.member("region", regions[0].string) }
    }
    if !merged.query.filters.isEmpty { Self.writeFilters(of: merged, to: &writer) }
    writer.member("max_allowed_characters", merged.maxCharacters ?? -1)
    if !merged.query.options.isEmpty { writer.memberRaw("output_options", merged.query.options) }
    writer.member("max_results", 100)
    writer.endObject()
    return writer.bytes
  }

  func split(_ result: JSONValue, of merged: Merged, for member: AWSPricingQuery) -> [UInt8]? {
    guard let body = AnswerBody(result, wrapper: "result") else { return nil }
    let slices = merged.axes.map { Slice(of: $0, for: member) }
    var counts: Set<Int> = []
    for value in body.values {
      guard Self.isWholeAnswer(value, service: member.service), let products = value["data"] else { return nil }
      var found = 0
      var characters = 0
      for product in products.elements {
        guard slices.allSatisfy({ $0.knows(product) }) else { return nil }
        guard slices.allSatisfy({ $0.has(product) }) else { continue }
        found += 1
        if member.maxCharacters != nil { characters += PythonText.maxLength(product) }
      }
      // Without a product the server answers with an error, in which it quotes the caller's own filters.
      guard found > 0, found < member.maxResults, characters <= member.maxCharacters ?? .max else { return nil }
      counts.insert(found)
    }
    guard counts.count == 1 else { return nil }
    return body.changed { value in
      guard let products = value["data"], let message = Self.message(value["message"], of: merged, for: member) else { return nil }
      let kept = products.keeping { product in slices.allSatisfy { $0.has(product) } ? product.raw : nil }
      return [AnswerBody.Change(range: products.range, bytes: kept)] + message
    }
  }

  // MARK: Queries

  /// Nil where they differ in what cannot be told from an answer, or in nothing.
  private static func axes(of queries: [AWSPricingQuery]) -> [Axis]? {
    guard let first = queries.first else { return nil }
    let others = queries.dropFirst()
    guard others.allSatisfy({ $0.service == first.service && $0.options == first.options }) else { return nil }
    guard others.allSatisfy({ $0.filters.count == first.filters.count }) else { return nil }
    var places = first.filters.indices.filter { index in others.contains { $0.filters[index] != first.filters[index] } }.map(Place.filter)
    // The message quotes a list of one as a list.
    let hasOtherRegions = others.contains { $0.regions != first.regions || $0.isRegionList != first.isRegionList }
    if hasOtherRegions || places.isEmpty { places.insert(.region, at: 0) }
    var axes: [Axis] = []
    for place in places {
      guard let axis = axis(place, of: queries) else { return nil }
      axes.append(axis)
    }
    return axes
  }

  private static func axis(_ place: Place, of queries: [AWSPricingQuery]) -> Axis? {
    var attribute: Name = "regionCode"
    if case .filter(let index) = place, let filter = queries.first?.filters[index] {
      attribute = filter.field
      guard queries.allSatisfy({ $0.filters[index].field == attribute }), !otherFields.contains(attribute) else { return nil }
    }
    guard queries.first?.shows(attribute) == true else { return nil }
    var values: [Name] = []
    var known: Set<Name> = []
    for query in queries {
      let own = self.values(of: query, at: place)
      guard !own.isEmpty else { return nil }
      for value in own where known.insert(value).inserted { values.append(value) }
    }
    return Axis(place: place, attribute: attribute, values: values)
  }

  fileprivate static func values(of query: AWSPricingQuery, at place: Place) -> [Name] {
    switch place {
    case .region: query.regions ?? []
    case .filter(let index): query.filters[index].listed.map { [$0] } ?? []
    }
  }

  private static func write(_ values: [Name], as name: String, to writer: inout JSONWriter) {
    values.count == 1 ? writer.member(name, values[0].string) : writeList(values, as: name, to: &writer)
  }

  private static func writeList(_ values: [Name], as name: String, to writer: inout JSONWriter) {
    writer.key(name)
    writer.beginArray()
    for value in values { writer.value(value.string) }
    writer.endArray()
  }

  private static func writeFilters(of merged: Merged, to writer: inout JSONWriter) {
    writer.key("filters")
    writer.beginArray()
    for (index, filter) in merged.query.filters.enumerated() {
      let values = merged.axes.first { $0.place == .filter(index) }?.values ?? []
      writer.beginObject()
      writer.member("Field", filter.field.string)
      writer.member("Type", values.count > 1 ? "ANY_OF" : filter.type.string)
      if values.count > 1 { writeList(values, as: "Value", to: &writer) } else { writer.memberRaw("Value", filter.value) }
      writer.endObject()
    }
    writer.endArray()
  }

  // MARK: Answers

  /// A success on one page, without a member that is not known here.
  private static func isWholeAnswer(_ body: JSONValue, service: Name) -> Bool {
    let known = ["status", "service_name", "data", "message", "alternatives"]
    return body.kind == .object && body.members.allSatisfy { name, _ in known.contains(where: name.isString) }
      && body["status"]?.isString("success") == true && body["service_name"]?.isString(service.string) == true && body["data"]?.kind == .array
  }

  /// The sentence that the server says of the regions: `Retrieved pricing for AmazonS3 in us-east-1 from AWS Pricing API`, and what it may say of
  /// other services after that.
  private static func message(_ value: JSONValue?, of merged: Merged, for member: AWSPricingQuery) -> [AnswerBody.Change]? {
    guard let value, let text = value.stringBytes else { return nil }
    guard let axis = merged.axes.first(where: { $0.place == .region }) else { return [] }
    func sentence(_ regions: [Name], isList: Bool) -> [UInt8] {
      let names = regions.map(\.string)
      let words = isList ? "[" + names.map { "'\($0)'" }.joined(separator: ", ") + "]" : names.joined()
      return Array("Retrieved pricing for \(member.service.string) in \(words) from AWS Pricing API".utf8)
    }
    let said = sentence(axis.values, isList: axis.values.count > 1)
    guard text.starts(with: said) else { return nil }
    let own = sentence(member.regions ?? [], isList: member.isRegionList) + text.dropFirst(said.count)
    return [AnswerBody.Change(range: value.range, bytes: JSONWriter.quoted(String(decoding: own, as: UTF8.self)))]
  }
}

/// The products of a member, by one of the attributes that the members differ in.
private struct Slice {
  private let attribute: Name
  private let wanted: Set<Name>
  private let known: Set<Name>

  init(of axis: PricingMerge.Axis, for member: AWSPricingQuery) {
    attribute = axis.attribute
    wanted = Set(PricingMerge.values(of: member, at: axis.place).map(\.withoutCase))
    known = Set(axis.values.map(\.withoutCase))
  }

  func knows(_ product: JSONValue) -> Bool { value(in: product).map(known.contains) ?? false }
  func has(_ product: JSONValue) -> Bool { value(in: product).map(wanted.contains) ?? false }

  private func value(in product: JSONValue) -> Name? {
    (product["product"]?["attributes"]?[attribute.string]?.string).map { Name($0).withoutCase }
  }
}
