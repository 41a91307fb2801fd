internal import WeirCore
internal import WeirJSON

/// `get_pricing` for several regions, or for several values of one filter, as one request: the products of each region, or of each value, are
/// those that say so in their attributes. Two members' limits are their own: one page of the one call must hold everything, and a member whose
/// part could be longer than the text it allows is asked alone.
struct PricingMerge: MergeRule {
  /// What the members differ in.
  enum Axis: Sendable, Equatable {
    case region
    /// The value of the filter at this index.
    case filter(Int)
  }

  struct Merged: Sendable {
    let query: AWSPricingQuery
    let axis: Axis
    let attribute: Name
    /// Each once, in the order of the members.
    let values: [Name]
    /// Nil means unlimited.
    let maxCharacters: Int?
  }

  /// A filter value holds 1,024 characters at most (AWS Price List API, `Value`).
  private static let maxValueLength = 1024
  /// Filters by these are not about an attribute of the product.
  private static let otherFields: Set<Name> = [
    "ServiceCode", "serviceCode", "servicecode", "productFamily", "termType", "LeaseContractLength", "OfferingClass", "PurchaseOption",
  ]

  /// What two calls must have in common to be looked at together.
  static func group(_ query: AWSPricingQuery) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    writer.value("get_pricing")
    writer.value(query.service.string)
    writer.value(query.regions != nil)
    writer.raw(query.options.isEmpty ? Array("null".utf8) : query.options)
    for filter in query.filters {
      writer.value(filter.field.string)
      writer.value(filter.type.string)
    }
    writer.endArray()
    return writer.bytes
  }

  func canMerge(_ one: AWSPricingQuery, _ other: AWSPricingQuery) -> Bool { Self.axis(of: [one, other]) != nil }

  func merge(_ queries: [AWSPricingQuery], within limits: MergeLimits) -> Merged? {
    guard let first = queries.first, let (axis, attribute) = Self.axis(of: queries) else { return nil }
    var values: [Name] = []
    var known: Set<Name> = []
    for value in queries.flatMap({ Self.values(of: $0, on: axis) }) where known.insert(value).inserted { values.append(value) }
    guard values.count <= limits.values, Set(values.map(\.withoutCase)).count == values.count else { return nil }
    guard values.reduce(values.count - 1, { $0 + $1.utf8.count }) <= Self.maxValueLength else { return nil }
    var maxCharacters: Int? = 0
    for query in queries { maxCharacters = maxCharacters.flatMap { sum in query.maxCharacters.map { sum &+ min($0, 1 << 40) } } }
    return Merged(query: first, axis: axis, attribute: attribute, values: values, maxCharacters: maxCharacters)
  }

  func arguments(of merged: Merged) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("service_code", merged.query.service.string)
    if merged.axis == .region {
      Self.write(merged.values, as: "region", to: &writer)
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
    let wanted = Set(Self.values(of: member, on: merged.axis).map(\.withoutCase))
    let known = Set(merged.values.map(\.withoutCase))
    var counts: Set<Int> = []
    for value in body.values {
      guard Self.isWholeAnswer(value, service: member.service), let products = value["data"] else { return nil }
      var found = 0
      var characters = 0
      for product in products.elements {
        guard let name = Self.value(of: merged.attribute, in: product), known.contains(name) else { return nil }
        guard wanted.contains(name) else { continue }
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
      let kept = products.keeping { product in
        Self.value(of: merged.attribute, in: product).map(wanted.contains) == true ? product.raw : nil
      }
      return [AnswerBody.Change(range: products.range, bytes: kept)] + message
    }
  }

  // MARK: Queries

  private static func axis(of queries: [AWSPricingQuery]) -> (Axis, attribute: Name)? {
    guard let first = queries.first else { return nil }
    let others = queries.dropFirst()
    guard others.allSatisfy({ $0.service == first.service && $0.options == first.options }) else { return nil }
    let region: Name = "regionCode"
    if others.allSatisfy({ $0.filters == first.filters }) {
      return queries.allSatisfy { $0.regions != nil } && first.shows(region) ? (.region, region) : nil
    }
    guard others.allSatisfy({ $0.regions == first.regions && $0.isRegionList == first.isRegionList }) else { return nil }
    guard others.allSatisfy({ $0.filters.count == first.filters.count }) else { return nil }
    let differing = first.filters.indices.filter { index in others.contains { $0.filters[index] != first.filters[index] } }
    guard differing.count == 1, let index = differing.first else { return nil }
    let field = first.filters[index].field
    guard queries.allSatisfy({ $0.filters[index].field == field && $0.filters[index].listed != nil }) else { return nil }
    return first.shows(field) && !otherFields.contains(field) ? (.filter(index), field) : nil
  }

  private static func values(of query: AWSPricingQuery, on axis: Axis) -> [Name] {
    switch axis {
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
      let isWidened = merged.axis == .filter(index) && merged.values.count > 1
      writer.beginObject()
      writer.member("Field", filter.field.string)
      writer.member("Type", isWidened ? "ANY_OF" : filter.type.string)
      if isWidened { writeList(merged.values, as: "Value", to: &writer) } else { writer.memberRaw("Value", filter.value) }
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

  private static func value(of attribute: Name, in product: JSONValue) -> Name? {
    (product["product"]?["attributes"]?[attribute.string]?.string).map { Name($0).withoutCase }
  }

  /// The sentence that the server says of the regions: `Retrieved pricing for AmazonS3 in us-east-1 from AWS Pricing API`, and what it may say of
  /// other services after that.
  private static func message(_ value: JSONValue?, of merged: Merged, for member: AWSPricingQuery) -> [AnswerBody.Change]? {
    guard let value, let text = value.stringBytes else { return nil }
    guard merged.axis == .region else { return [] }
    func sentence(_ regions: [Name], isList: Bool) -> [UInt8] {
      let names = regions.map(\.string)
      let words = isList ? "[" + names.map { "'\($0)'" }.joined(separator: ", ") + "]" : names.joined()
      return Array("Retrieved pricing for \(member.service.string) in \(words) from AWS Pricing API".utf8)
    }
    let said = sentence(merged.values, isList: merged.values.count > 1)
    guard text.starts(with: said) else { return nil }
    let own = sentence(member.regions ?? [], isList: member.isRegionList) + text.dropFirst(said.count)
    return [AnswerBody.Change(range: value.range, bytes: JSONWriter.quoted(String(decoding: own, as: UTF8.self)))]
  }
}
