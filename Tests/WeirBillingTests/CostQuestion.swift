import WeirCore
import WeirJSON

/// A question to `getCostAndUsage`, and the many ways to write it.
struct CostQuestion {
  indirect enum Filter {
    case and([Filter])
    case or([Filter])
    case not(Filter)
    /// Root and key as in `Dimensions/SERVICE`.
    case leaf(String, values: [String], options: [String])
  }

  var granularity = "DAILY"
  var start: String
  var end: String
  var metrics = ["UnblendedCost"]
  var groups: [String] = []
  var filters: [Filter] = []
  var view: String?

  var filter: Filter? { filters.isEmpty ? nil : filters.count == 1 ? filters[0] : .and(filters) }

  /// Written in one of the ways that mean the same.
  func spelled(_ random: inout SeededRandom) -> String {
    var members = [("operation", JSONTree.string("getCostAndUsage")), ("start_date", .string(start)), ("end_date", .string(end))]
    if granularity != "DAILY" || random.chance(50) { members.append(("granularity", .string(granularity))) }
    if metrics != ["UnblendedCost"] || random.chance(50) {
      let list = metrics + (random.chance(20) ? [metrics[0]] : [])
      members.append(("metrics", Self.written(.array(list.shuffled(using: &random).map { .string($0) }), &random)))
    }
    if !groups.isEmpty { members.append(("group_by", Self.written(.array(groups.map { Self.group($0, &random) }), &random))) }
    if let filter { members.append(("filter", Self.written(Self.spelled(filter, &random), &random))) }
    if let view { members.append(("billing_view_arn", .string(view))) }
    if random.chance(20) { members.append((random.pick(["max_pages", "dimension", "search_string", "context"]), .null)) }
    if random.chance(10) { members.append(("prediction_interval_level", .number("80"))) }
    return JSONTree.object(members.shuffled(using: &random)).compact
  }

  private static func written(_ value: JSONTree, _ random: inout SeededRandom) -> JSONTree {
    random.chance(30) ? .string(random.chance(50) ? value.compact : value.pretty()) : value
  }

  private static func group(_ key: String, _ random: inout SeededRandom) -> JSONTree {
    let parts = key.split(separator: "/")
    let type = ["Dimensions": "DIMENSION", "Tags": "TAG"][parts[0]] ?? "COST_CATEGORY"
    return .object([("Type", .string(type)), ("Key", .string(String(parts[1])))].shuffled(using: &random))
  }

  private static func spelled(_ filter: Filter, _ random: inout SeededRandom) -> JSONTree {
    switch filter {
    case .and(let parts): combined("And", parts.map { spelled($0, &random) }, &random)
    case .or(let parts): combined("Or", parts.map { spelled($0, &random) }, &random)
    case .not(let part): .object([("Not", spelled(part, &random))])
    case .leaf(let key, let values, let options): leaf(key, values, options, &random)
    }
  }

  /// In another order, perhaps one part twice, some of them within another of the same kind, or alone within one.
  private static func combined(_ name: String, _ parts: [JSONTree], _ random: inout SeededRandom) -> JSONTree {
    var parts = (parts + (random.chance(20) ? [random.pick(parts)] : [])).shuffled(using: &random)
    if parts.count > 2, random.chance(40) {
      let inner = JSONTree.object([(name, .array(Array(parts.prefix(2))))])
      parts = (parts.dropFirst(2) + [inner]).shuffled(using: &random)
    }
    if random.chance(10) { parts[0] = .object([(random.pick(["And", "Or"]), .array([parts[0]]))]) }
    return .object([(name, .array(parts))])
  }

  private static func leaf(_ key: String, _ values: [String], _ options: [String], _ random: inout SeededRandom) -> JSONTree {
    let parts = key.split(separator: "/").map(String.init)
    var members = [("Key", JSONTree.string(parts[1]))]
    if !values.isEmpty {
      let list = values + (random.chance(20) ? [values[0]] : [])
      members.append(("Values", .array(list.shuffled(using: &random).map { .string($0) })))
    }
    let said = options.isEmpty && random.chance(20) ? ["EQUALS", "CASE_SENSITIVE"] : options
    if !said.isEmpty { members.append(("MatchOptions", .array(said.shuffled(using: &random).map { .string($0) }))) }
    return .object([(parts[0], .object(members.shuffled(using: &random)))])
  }
}

extension CostQuestion {
  static let keys = CostServer.values.keys.sorted()
  private static let today = CivilDate(year: 2026, month: 11, day: 23)

  /// Any question from a small space, so that many mean the same.
  static func any(_ random: inout SeededRandom) -> CostQuestion {
    var question = shape(&random)
    if random.chance(70) { question.filters = (0...random.below(2)).map { _ in filter(&random, depth: 2) } }
    if random.chance(5) { question.view = random.pick(["111111111111", "222222222222"]) }
    return question
  }

  /// A range, metrics and groups, without a filter.
  static func shape(_ random: inout SeededRandom) -> CostQuestion {
    let granularity = random.pick(["DAILY", "DAILY", "DAILY", "MONTHLY", "MONTHLY", "HOURLY"])
    var question = CostQuestion(granularity: granularity, start: "", end: "")
    question.move(&random)
    question.metrics = Array(CostServer.metrics.shuffled(using: &random).prefix(random.pick([1, 1, 1, 2, 3])))
    if random.chance(40) { question.metrics = ["UnblendedCost"] }
    question.groups = Array(keys.shuffled(using: &random).prefix(random.pick([0, 0, 1, 1, 2])))
    return question
  }

  /// Another range.
  mutating func move(_ random: inout SeededRandom) {
    let first = Self.today - random.below(12)
    switch granularity {
    case "HOURLY":
      let hour = random.below(20)
      (start, end) = (Self.hour(first.days * 24 + hour), Self.hour(first.days * 24 + hour + 1 + random.below(6)))
    case "MONTHLY":
      let month = CivilDate(year: 2026, month: 8 + random.below(3), day: 1)
      (start, end) = (month.text, random.pick([month.firstOfNextMonth, month.firstOfNextMonth.firstOfNextMonth]).text)
      if random.chance(10) { start = (month + 9).text }
      if random.chance(10) { end = "2026-11-\(10 + random.below(9))" }
    default: (start, end) = (first.text, (first + 1 + random.below(4)).text)
    }
  }

  static func filter(_ random: inout SeededRandom, depth: Int) -> Filter {
    if depth > 0, random.chance(35) {
      let parts = (0...(1 + random.below(2))).map { _ in filter(&random, depth: depth - 1) }
      return random.pick([.and(parts), .or(parts), .not(parts[0])])
    }
    return leaf(random.pick(keys), &random)
  }

  static func leaf(_ key: String, _ random: inout SeededRandom, count: Int? = nil) -> Filter {
    let known = (CostServer.values[key] ?? []) + ["none such"]
    let values = Array(known.shuffled(using: &random).prefix(count ?? 1 + random.below(2)))
    guard count == nil, random.chance(15) else { return .leaf(key, values: values, options: []) }
    if key.hasPrefix("Dimensions") { return .leaf(key, values: values.map { String($0.prefix(3)) }, options: ["STARTS_WITH"]) }
    return random.pick([.leaf(key, values: [], options: ["ABSENT"]), .leaf(key, values: [""], options: []), .leaf(key, values: [], options: [])])
  }

  private static func hour(_ hour: Int) -> String {
    "\(CivilDate(days: hour / 24).text)T\(hour % 24 < 10 ? "0" : "")\(hour % 24):00:00Z"
  }
}
