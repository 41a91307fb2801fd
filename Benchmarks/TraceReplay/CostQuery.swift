import WeirCore
import WeirJSON

/// How a client writes down the same question: some send lists as the text of a list, some write defaults out, some send nulls.
struct Handwriting: Sendable {
  let writesJSONAsText: Bool
  let writesDefaults: Bool
  let writesNulls: Bool
  let sortsValues: Bool
  let isReversed: Bool

  static let plain = Handwriting(writesJSONAsText: false, writesDefaults: true, writesNulls: false, sortsValues: true, isReversed: false)

  init(writesJSONAsText: Bool, writesDefaults: Bool, writesNulls: Bool, sortsValues: Bool, isReversed: Bool) {
    self.writesJSONAsText = writesJSONAsText
    self.writesDefaults = writesDefaults
    self.writesNulls = writesNulls
    self.sortsValues = sortsValues
    self.isReversed = isReversed
  }

  init(_ random: inout SeededRandom) {
    writesJSONAsText = random.happens(0.3)
    writesDefaults = random.happens(0.6)
    writesNulls = random.happens(0.15)
    sortsValues = random.happens(0.7)
    isReversed = random.happens(0.3)
  }
}

/// A dimension, tag or cost category.
struct Field: Hashable, Sendable {
  let type: String
  let key: String

  static let account = Field(type: "DIMENSION", key: "LINKED_ACCOUNT")
  static let service = Field(type: "DIMENSION", key: "SERVICE")
  static let region = Field(type: "DIMENSION", key: "REGION")
  static let usageType = Field(type: "DIMENSION", key: "USAGE_TYPE")
  static let recordType = Field(type: "DIMENSION", key: "RECORD_TYPE")
  static let team = Field(type: "TAG", key: "team")
  static let environment = Field(type: "TAG", key: "env")
  static let stage = Field(type: "COST_CATEGORY", key: "Stage")

  fileprivate var root: String {
    switch type {
    case "TAG": "Tags"
    case "COST_CATEGORY": "CostCategories"
    default: "Dimensions"
    }
  }
}

/// A question about costs, before anybody writes it down.
struct CostQuery: Sendable {
  var start: CivilDate
  var end: CivilDate
  var granularity = "DAILY"
  var metrics = ["UnblendedCost"]
  var groups: [Field] = []
  /// All of them hold.
  var filter: [(field: Field, values: [String])] = []

  func by(_ groups: Field...) -> CostQuery { changed { $0.groups = groups } }
  func only(_ field: Field, _ values: String...) -> CostQuery { changed { $0.filter.append((field, values)) } }
  func only(_ field: Field, _ values: [String]) -> CostQuery { changed { $0.filter.append((field, values)) } }
  func monthly() -> CostQuery { changed { $0.granularity = "MONTHLY" } }
  func measuring(_ metrics: String...) -> CostQuery { changed { $0.metrics = metrics } }
  func during(_ range: Range<CivilDate>) -> CostQuery {
    changed {
      $0.start = range.lowerBound
      $0.end = range.upperBound
    }
  }

  private func changed(_ change: (inout CostQuery) -> Void) -> CostQuery {
    var query = self
    change(&query)
    return query
  }

  // MARK: Arguments

  func call(_ hand: Handwriting) -> TraceCall {
    var members: [(String, [UInt8])] = [
      ("operation", JSONWriter.quoted("getCostAndUsage")), ("start_date", JSONWriter.quoted(start.text)), ("end_date", JSONWriter.quoted(end.text)),
    ]
    if hand.writesDefaults || granularity != "DAILY" { members.append(("granularity", JSONWriter.quoted(granularity))) }
    if hand.writesDefaults || metrics != ["UnblendedCost"] { members.append(("metrics", hand.written(Self.list(metrics)))) }
    if !groups.isEmpty { members.append(("group_by", hand.written(groupsJSON))) }
    if !filter.isEmpty { members.append(("filter", hand.written(filterJSON(hand)))) }
    return TraceCall(billing: members, hand)
  }

  private static func list(_ texts: [String]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    for text in texts { writer.value(text) }
    writer.endArray()
    return writer.bytes
  }

  private var groupsJSON: [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    for group in groups {
      writer.beginObject()
      writer.member("Type", group.type)
      writer.member("Key", group.key)
      writer.endObject()
    }
    writer.endArray()
    return writer.bytes
  }

  private func filterJSON(_ hand: Handwriting) -> [UInt8] {
    let leaves = filter.map { field, values in
      var writer = JSONWriter()
      writer.beginObject()
      writer.key(field.root)
      writer.beginObject()
      writer.member("Key", field.key)
      writer.memberRaw("Values", Self.list(hand.sortsValues ? values.sorted() : values))
      writer.endObject()
      writer.endObject()
      return writer.bytes
    }
    guard leaves.count > 1 else { return leaves.first ?? [] }
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("And")
    writer.beginArray()
    for leaf in hand.isReversed ? leaves.reversed() : leaves { writer.raw(leaf) }
    writer.endArray()
    writer.endObject()
    return writer.bytes
  }
}

extension Handwriting {
  /// A list or object, as this client sends it.
  fileprivate func written(_ json: [UInt8]) -> [UInt8] {
    writesJSONAsText ? JSONWriter.quoted(String(decoding: json, as: UTF8.self)) : json
  }
}

extension TraceCall {
  /// The other questions to the billing server.
  static func values(of dimension: Field, _ range: Range<CivilDate>, _ hand: Handwriting) -> TraceCall {
    var members: [(String, [UInt8])] = [("operation", JSONWriter.quoted(dimension.type == "TAG" ? "getTagsOrValues" : "getDimensionValues"))]
    members.append((dimension.type == "TAG" ? "tag_key" : "dimension", JSONWriter.quoted(dimension.key)))
    members.append(("start_date", JSONWriter.quoted(range.lowerBound.text)))
    members.append(("end_date", JSONWriter.quoted(range.upperBound.text)))
    return TraceCall(billing: members, hand)
  }

  static func forecast(
    _ range: Range<CivilDate>, _ granularity: String, of filter: (field: Field, value: String)? = nil, _ hand: Handwriting
  ) -> TraceCall {
    var members: [(String, [UInt8])] = [
      ("operation", JSONWriter.quoted("getCostForecast")), ("metric", JSONWriter.quoted("UNBLENDED_COST")),
      ("start_date", JSONWriter.quoted(range.lowerBound.text)), ("end_date", JSONWriter.quoted(range.upperBound.text)),
      ("granularity", JSONWriter.quoted(granularity)),
    ]
    if let filter {
      var writer = JSONWriter()
      writer.beginObject()
      writer.key(filter.field.type == "TAG" ? "Tags" : "Dimensions")
      writer.raw(#"{"Key":"\#(filter.field.key)","Values":["\#(filter.value)"]}"#.utf8)
      writer.endObject()
      members.append(("filter", hand.writesJSONAsText ? JSONWriter.quoted(String(decoding: writer.bytes, as: UTF8.self)) : writer.bytes))
    }
    return TraceCall(billing: members, hand)
  }

  static func price(_ service: String, region: String, _ filters: [(String, String)]) -> TraceCall {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("service_code", service)
    writer.member("region", region)
    if !filters.isEmpty {
      writer.key("filters")
      writer.beginArray()
      for (field, value) in filters { writer.raw(#"{"Field":"\#(field)","Type":"EQUALS","Value":"\#(value)"}"#.utf8) }
      writer.endArray()
    }
    writer.endObject()
    return TraceCall(server: "pricing", tool: "get_pricing", arguments: writer.bytes)
  }

  fileprivate init(billing members: [(String, [UInt8])], _ hand: Handwriting) {
    var members = members
    if hand.writesNulls { members.append(("next_token", Array("null".utf8))) }
    var writer = JSONWriter()
    writer.beginObject()
    for (name, value) in hand.isReversed ? members.reversed() : members { writer.memberRaw(name, value) }
    writer.endObject()
    self.init(server: "billing", tool: "cost-explorer", arguments: writer.bytes)
  }
}
