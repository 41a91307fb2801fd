internal import WeirCore
internal import WeirJSON

/// A call of `query_costs` that is written as the body of the Cost Management Query API (api-version 2025-03-01) with its `scope`, for a custom
/// period of whole days. What is written otherwise is no query: it is cached as it stands.
struct AzureCostQuery: Sendable, Equatable {
  enum Granularity: String, Sendable { case none = "None", daily = "Daily", monthly = "Monthly" }

  struct Aggregation: Sendable, Equatable {
    let alias: Name
    /// The name of the column that it makes.
    let column: Name
    /// The canonical JSON of its definition.
    let definition: [UInt8]
  }

  struct Grouping: Sendable, Equatable {
    let type: Name
    let name: Name
  }

  /// `In` on one dimension; the values each once, sorted.
  struct Leaf: Sendable, Equatable {
    let dimension: Name
    let values: [Name]
  }

  let scope: Name
  let type: Name
  let granularity: Granularity
  let from: CivilDate
  /// The last day, included.
  let to: CivilDate
  /// What stands behind the days: `T00:00:00Z`.
  let fromTime: Name
  let toTime: Name
  let aggregations: [Aggregation]
  let grouping: [Grouping]
  /// All of them hold; sorted.
  let leaves: [Leaf]
  /// The canonical JSON of every other condition, sorted; they hold too.
  let others: [[UInt8]]

  /// The days asked for.
  var range: TimeBucket { TimeBucket(start: from, end: to + 1) }
  /// The documented price of a query is one QPU for each month of data.
  var months: Int { Self.months(from, to) }

  init?(_ arguments: JSONValue) {
    guard Self.has(arguments, only: ["scope", "type", "timeframe", "timePeriod", "dataset"]) else { return nil }
    guard let scope = arguments["scope"]?.string, !scope.isEmpty, let type = arguments["type"]?.string else { return nil }
    guard ["ActualCost", "AmortizedCost", "Usage"].contains(type), arguments["timeframe"]?.isString("Custom") == true else { return nil }
    guard let period = arguments["timePeriod"], Self.has(period, only: ["from", "to"]) else { return nil }
    guard let from = Self.moment(period["from"]), let to = Self.moment(period["to"]), from.day <= to.day else { return nil }
    guard let dataset = arguments["dataset"], Self.has(dataset, only: ["granularity", "aggregation", "grouping", "filter"]) else { return nil }
    guard let granularity = Granularity(rawValue: dataset["granularity"].map { $0.string ?? "" } ?? "None") else { return nil }
    guard let aggregations = Self.aggregations(dataset["aggregation"]), let grouping = Self.grouping(dataset["grouping"]) else { return nil }
    guard let conditions = AzureFilter(dataset["filter"]) else { return nil }
    self.scope = Name(scope)
    self.type = Name(type)
    self.granularity = granularity
    (self.from, fromTime) = from
    (self.to, toTime) = to
    self.aggregations = aggregations
    self.grouping = grouping
    leaves = conditions.leaves
    others = conditions.others
  }

  /// The same question in one way of writing, for the cache key and for what is sent.
  func arguments(
    from first: CivilDate? = nil, to last: CivilDate? = nil, aggregations: [Aggregation]? = nil, grouping: [Grouping]? = nil, leaves: [Leaf]? = nil
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("scope", scope.string)
    writer.member("type", type.string)
    writer.member("timeframe", "Custom")
    writer.key("timePeriod")
    writer.beginObject()
    writer.member("from", (first ?? from).text + fromTime.string)
    writer.member("to", (last ?? to).text + toTime.string)
    writer.endObject()
    writer.key("dataset")
    writer.beginObject()
    writer.member("granularity", granularity.rawValue)
    writer.key("aggregation")
    writer.beginObject()
    for aggregation in aggregations ?? self.aggregations { writer.memberRaw(aggregation.alias.string, aggregation.definition) }
    writer.endObject()
    Self.write(grouping ?? self.grouping, to: &writer)
    AzureFilter.write(leaves ?? self.leaves, others, to: &writer)
    writer.endObject()
    writer.endObject()
    return writer.bytes
  }

  static func months(_ from: CivilDate, _ to: CivilDate) -> Int {
    let (first, last) = (from.components, to.components)
    return max(1, (last.year - first.year) * 12 + last.month - first.month + 1)
  }

  static func has(_ object: JSONValue, only names: [String]) -> Bool {
    object.kind == .object && object.members.allSatisfy { name, _ in names.contains(where: name.isString) }
  }

  private static func write(_ grouping: [Grouping], to writer: inout JSONWriter) {
    guard !grouping.isEmpty else { return }
    writer.key("grouping")
    writer.beginArray()
    for group in grouping {
      writer.beginObject()
      writer.member("type", group.type.string)
      writer.member("name", group.name.string)
      writer.endObject()
    }
    writer.endArray()
  }

  private static func moment(_ value: JSONValue?) -> (day: CivilDate, time: Name)? {
    guard let bytes = value?.stringBytes, bytes.count >= 10, let day = CivilDate(bytes[..<10]) else { return nil }
    let times = ["T00:00:00Z", "T00:00:00+00:00", "T23:59:59Z", "T23:59:59+00:00", ""]
    return times.first { bytes[10...].elementsEqual($0.utf8) }.map { (day, Name($0)) }
  }

  private static func aggregations(_ value: JSONValue?) -> [Aggregation]? {
    guard let value, value.kind == .object, (1...2).contains(value.count) else { return nil }
    var made: [Aggregation] = []
    for (alias, definition) in value.members {
      guard has(definition, only: ["name", "function"]), let column = definition["name"]?.string, let alias = alias.string else { return nil }
      guard let canonical = try? definition.canonical() else { return nil }
      made.append(Aggregation(alias: Name(alias), column: Name(column), definition: canonical))
    }
    return Set(made.map(\.column)).count == made.count ? made : nil
  }

  private static func grouping(_ value: JSONValue?) -> [Grouping]? {
    guard let value else { return [] }
    var made: [Grouping] = []
    for element in value.elements {
      guard has(element, only: ["type", "name"]), let type = element["type"]?.string, let name = element["name"]?.string else { return nil }
      made.append(Grouping(type: Name(type), name: Name(name)))
    }
    return value.kind == .array && made.count <= 2 && Set(made.map(\.name)).count == made.count ? made : nil
  }
}
