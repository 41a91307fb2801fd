internal import WeirCore
internal import WeirJSON

extension CostQuery {
  /// From the arguments of a call of `cost-explorer`, its dates written out; nil for anything that is not exactly understood, and for what is
  /// paged. Follows `get_cost_and_usage` of the server: lists and filter may be JSON texts, and what Python calls false is left out.
  init?(_ arguments: JSONValue) {
    var parts = Parts()
    for member in arguments.members {
      guard let name = member.name.string, parts.take(name, member.value) else { return nil }
    }
    guard parts.isUsage, let start = parts.start, let end = parts.end, let period = CostPeriod(parts.granularity, start: start, end: end) else {
      return nil
    }
    self.init(period: period, metrics: parts.metrics.sorted(), groups: parts.groups, filter: parts.filter, billingView: parts.billingView)
  }

  private struct Parts {
    var isUsage = false
    var start: [UInt8]?
    var end: [UInt8]?
    var granularity = CostPeriod.Granularity.daily
    var metrics: Set<CostMetric> = [.unblendedCost]
    var groups: [CostKey] = []
    var filter: CostFilter?
    var billingView: Name?

    /// False where the argument is not understood.
    mutating func take(_ name: String, _ value: JSONValue) -> Bool {
      switch name {
      case "operation": isUsage = value.isString("getCostAndUsage")
      case "start_date": start = value.stringBytes
      case "end_date": end = value.stringBytes
      case "granularity": return take(granularity: value)
      case "metrics": return take(metrics: value)
      case "group_by": return take(groups: value)
      case "filter": return take(filter: value)
      case "billing_view_arn": return take(view: value)
      // Their defaults; nothing but forecasts and lists looks at them.
      case "prediction_interval_level": return value.int == 80
      case "context": return value.isNull || value.isString("COST_AND_USAGE")
      case "dimension", "search_string", "max_results", "next_token", "max_pages", "metric", "tag_key", "cost_category_name": return value.isNull
      default: return false
      }
      return true
    }

    private mutating func take(granularity value: JSONValue) -> Bool {
      guard let known = value.string.flatMap(CostPeriod.Granularity.init(rawValue:)) else { return false }
      granularity = known
      return true
    }

    private mutating func take(view value: JSONValue) -> Bool {
      guard !value.isNull else { return true }
      guard let text = value.string else { return false }
      billingView = text.isEmpty ? nil : Name(text)
      return true
    }

    private mutating func take(metrics value: JSONValue) -> Bool {
      guard let list = Self.decoded(value, .array) else { return false }
      guard let list, list.count > 0 else { return true }
      var named: Set<CostMetric> = []
      for element in list.elements {
        guard let metric = element.string.flatMap(CostMetric.init(rawValue:)) else { return false }
        named.insert(metric)
      }
      metrics = named
      return true
    }

    private mutating func take(groups value: JSONValue) -> Bool {
      guard let list = Self.decoded(value, .array) else { return false }
      guard let list else { return true }
      for element in list.elements {
        guard let key = CostKey(element), !groups.contains(key), groups.count < 2 else { return false }
        groups.append(key)
      }
      return true
    }

    private mutating func take(filter value: JSONValue) -> Bool {
      guard let object = Self.decoded(value, .object), value.range.count <= 65_536 else { return false }
      guard let object, object.count > 0 else { return true }
      filter = CostFilter(object)
      return filter != nil
    }

    /// The value that the server reads: itself, or what a JSON text says; `.some(nil)` where there is none, nil where the kind is wrong.
    private static func decoded(_ value: JSONValue, _ kind: JSONKind) -> JSONValue?? {
      if value.isNull { return .some(nil) }
      if value.kind == kind { return value }
      guard let text = value.stringBytes else { return nil }
      if text.isEmpty { return .some(nil) }
      guard let document = try? JSONDocument(parsing: text), document.root.kind == kind else { return nil }
      return document.root
    }
  }
}
