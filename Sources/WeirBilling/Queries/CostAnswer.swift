internal import WeirCore
internal import WeirJSON

/// An answer of `getCostAndUsage` taken apart, where it has exactly the form that the server gives one that is whole: nothing else is ever cut or
/// put together. The values are the server's own text.
struct CostAnswer: Sendable {
  struct Bucket: Sendable {
    let period: CostPeriod
    let timePeriod: JSONValue
    let total: [Metric]
    let groups: [Group]
    let estimated: JSONValue
    let value: JSONValue
  }

  struct Group: Sendable {
    let keys: [Name]
    let keyTexts: [JSONValue]
    let metrics: [Metric]
  }

  struct Metric: Sendable {
    let metric: CostMetric
    let value: JSONValue
    let unit: Name
  }

  /// `DimensionValueAttributes`.
  struct Attribute: Sendable {
    let value: Name
    let json: JSONValue
  }

  let frame: CostAnswerFrame
  let definitions: [JSONValue]
  let buckets: [Bucket]
  let attributes: [Attribute]

  /// Nil where it is not an answer to exactly this query, in buckets without gaps.
  init?(_ result: JSONValue, to query: CostQuery) {
    guard let frame = CostAnswerFrame(result), let results = frame.data["ResultsByTime"], results.kind == .array else { return nil }
    self.frame = frame
    let definitions = frame.data["GroupDefinitions"].map { Array($0.elements) } ?? []
    guard definitions.map(CostKey.init) == query.groups else { return nil }
    self.definitions = definitions
    guard let attributes = Self.attributes(frame.data["DimensionValueAttributes"]) else { return nil }
    self.attributes = attributes
    var buckets: [Bucket] = []
    var edge = query.period.start
    for element in results.elements {
      guard let bucket = Bucket(element, of: query), bucket.period.start == edge else { return nil }
      buckets.append(bucket)
      edge = bucket.period.end
    }
    guard edge == query.period.end, buckets.count == query.period.bucketCount else { return nil }
    self.buckets = buckets
  }

  private static func attributes(_ list: JSONValue?) -> [Attribute]? {
    guard let list else { return [] }
    var attributes: [Attribute] = []
    for element in list.elements {
      guard element.count == 2, let value = element["Value"]?.string, element["Attributes"]?.kind == .object else { return nil }
      attributes.append(Attribute(value: Name(value), json: element))
    }
    return list.kind == .array ? attributes : nil
  }
}

extension CostAnswer.Bucket {
  fileprivate init?(_ value: JSONValue, of query: CostQuery) {
    guard value.hasMembers(["TimePeriod", "Total", "Groups", "Estimated"]), let time = value["TimePeriod"], let total = value["Total"],
      let groups = value["Groups"], let estimated = value["Estimated"], estimated.kind == .bool, groups.kind == .array
    else { return nil }
    guard time.hasMembers(["Start", "End"]), let start = time["Start"]?.stringBytes, let end = time["End"]?.stringBytes,
      let period = CostPeriod(query.period.granularity, start: start, end: end)
    else { return nil }
    guard let totals = CostAnswer.Metric.all(total, query.groups.isEmpty ? query.metrics : []) else { return nil }
    guard query.groups.isEmpty ? groups.count == 0 : true else { return nil }
    var rows: [CostAnswer.Group] = []
    rows.reserveCapacity(groups.count)
    for element in groups.elements {
      guard let group = CostAnswer.Group(element, of: query) else { return nil }
      rows.append(group)
    }
    self.init(period: period, timePeriod: time, total: totals, groups: rows, estimated: estimated, value: value)
  }
}

extension CostAnswer.Group {
  fileprivate init?(_ value: JSONValue, of query: CostQuery) {
    guard value.hasMembers(["Keys", "Metrics"]), let keys = value["Keys"], let metrics = value["Metrics"], keys.kind == .array else { return nil }
    let texts = Array(keys.elements)
    let names = texts.compactMap { $0.string.map { Name($0) } }
    guard names.count == query.groups.count, texts.count == names.count, let all = CostAnswer.Metric.all(metrics, query.metrics) else { return nil }
    self.init(keys: names, keyTexts: texts, metrics: all)
  }
}

extension CostAnswer.Metric {
  /// Nil unless they are exactly these, in any order.
  fileprivate static func all(_ value: JSONValue, _ expected: [CostMetric]) -> [CostAnswer.Metric]? {
    guard value.kind == .object, value.count == expected.count else { return nil }
    var all: [CostAnswer.Metric] = []
    for member in value.members {
      guard let metric = member.name.string.flatMap(CostMetric.init(rawValue:)), expected.contains(metric),
        member.value.hasMembers(["Amount", "Unit"]), member.value["Amount"]?.kind == .string, let unit = member.value["Unit"]?.string
      else { return nil }
      all.append(CostAnswer.Metric(metric: metric, value: member.value, unit: Name(unit)))
    }
    return all
  }
}

extension JSONValue {
  /// Whether this is an object of exactly these members, in this order.
  func hasMembers(_ names: [String]) -> Bool {
    kind == .object && count == names.count && zip(members, names).allSatisfy { $0.name.isString($1) }
  }
}
