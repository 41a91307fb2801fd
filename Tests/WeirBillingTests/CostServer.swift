import WeirJSON

/// The billing server and Cost Explorer behind it: costs that differ in everything that can be asked for, and the answers in the server's layout.
struct CostServer {
  struct Row {
    let values: [String: String]
    let unit: String
    let seed: UInt64
    /// Days on which it costs something.
    let turn: Int

    func amount(_ day: Int, _ metric: String) -> Int? {
      var chance = SeededRandom(seed &+ UInt64(day) &* 31)
      guard turn < 3 || chance.next() % UInt64(turn) == 0 else { return nil }
      let base = Int(chance.next() % 1_000_000_007)
      let factor = [
        "UnblendedCost": 100, "BlendedCost": 99, "AmortizedCost": 101, "NetUnblendedCost": 93, "NetAmortizedCost": 94, "UsageQuantity": 2400,
      ]
      return (base * (factor[metric] ?? 800) - (turn == 2 ? base * 150 : 0)) / 24 * 24
    }
  }

  var rows: [Row]
  var pageSize = Int.max
  /// Every day before it is final.
  var finalUntil = 20_750

  static let metrics = [
    "AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "NormalizedUsageAmount", "UnblendedCost", "UsageQuantity",
  ]
  static let values: [String: [String]] = [
    "Dimensions/LINKED_ACCOUNT": ["111111111111", "222222222222", "333333333333"], "Dimensions/SERVICE": ["Amazon S3", "AWS Lambda", "EC2 - Other"],
    "Dimensions/REGION": ["eu-west-1", "us-east-1", "NoRegion"], "Dimensions/USAGE_TYPE": ["Box:large", "Box:small", "Requests"],
    "Dimensions/USAGE_TYPE_GROUP": ["Boxes", "Others"], "Dimensions/BILLING_ENTITY": ["AWS", "AWS Marketplace"],
    "Tags/team": ["größe", "search", "a$b"], "Tags/env": ["prod", "dev"], "CostCategories/Stage": ["Production", "Development"],
  ]

  init(seed: UInt64, rows count: Int = 40) {
    var chance = SeededRandom(seed)
    rows = (0..<count).map { _ in
      var values: [String: String] = [:]
      for (key, list) in Self.values.sorted(by: { $0.key < $1.key }) {
        values[key] = key.hasPrefix("Dimensions") || chance.below(3) > 0 ? chance.pick(list) : nil
      }
      values["Dimensions/USAGE_TYPE_GROUP"] = values["Dimensions/USAGE_TYPE"]?.hasPrefix("Box") == true ? "Boxes" : "Others"
      return Row(values: values, unit: chance.pick(["Hrs", "GB", "Requests"]), seed: chance.next(), turn: chance.below(9))
    }
  }

  /// What the server answers, without `ResponseMetadata`.
  func answer(_ arguments: JSONValue) throws -> [UInt8] {
    func read(_ name: String) throws -> JSONValue? {
      guard let value = arguments[name], !value.isNull else { return nil }
      let parsed = try value.string.map { try json($0) } ?? value
      return parsed.count > 0 ? parsed : nil
    }
    let metrics = Set(try read("metrics")?.elements.compactMap(\.string) ?? ["UnblendedCost"]).sorted()
    let groups = try read("group_by")?.elements.map { ($0["Type"]?.string ?? "", $0["Key"]?.string ?? "") } ?? []
    let passes = try read("filter").map(Self.predicate)
    let view = arguments["billing_view_arn"]?.string
    let lines = rows.filter { row in (passes?(row.values) ?? true) && (view == nil || row.values["Dimensions/LINKED_ACCOUNT"] == view) }
    let granularity = arguments["granularity"]?.string ?? "DAILY"
    let buckets = try Self.buckets(arguments["start_date"]?.string ?? "", arguments["end_date"]?.string ?? "", granularity)
    var (results, accounts, left) = ([JSONTree](), Set<String>(), pageSize)
    for bucket in buckets where left > 0 {
      results.append(self.bucket(bucket, lines, groups, metrics, &accounts, &left))
    }
    var data: [(String, JSONTree)] = left < 0 ? [("NextPageToken", .string("more"))] : []
    if !groups.isEmpty {
      data.append(("GroupDefinitions", .array(groups.map { .object([("Type", .string($0.0)), ("Key", .string($0.1))]) })))
    }
    data.append(("ResultsByTime", .array(results)))
    let attributes = accounts.sorted().map { account in
      JSONTree.object([("Value", .string(account)), ("Attributes", .object([("description", .string("name of \(account)"))]))])
    }
    data.append(("DimensionValueAttributes", .array(attributes)))
    let body = JSONTree.object([("status", .string("success")), ("data", .object(data))])
    let block = JSONTree.object([("text", .string(body.compact)), ("type", .string("text"))])
    return Array(JSONTree.object([("content", .array([block])), ("isError", .bool(false)), ("structuredContent", body)]).compact.utf8)
  }

  private func bucket(
    _ bucket: Bucket, _ lines: [Row], _ groups: [(String, String)], _ metrics: [String], _ accounts: inout Set<String>, _ left: inout Int
  ) -> JSONTree {
    var sums: [[String]: [(Row, [Int])]] = [:]
    for line in lines {
      let days = bucket.days.filter { line.amount($0, "UnblendedCost") != nil }
      guard !days.isEmpty else { continue }
      let amounts = metrics.map { metric in days.reduce(0) { $0 + (line.amount($1, metric) ?? 0) } / (bucket.isHour ? 24 : 1) }
      let keys = groups.map { type, key in
        let root = ["DIMENSION": "Dimensions", "TAG": "Tags"][type] ?? "CostCategories"
        let value = line.values["\(root)/\(key)"] ?? ""
        return type == "DIMENSION" ? value : "\(key)$\(value)"
      }
      sums[keys, default: []].append((line, amounts))
    }
    if groups.isEmpty { sums = [[]: sums[[]] ?? []] }
    left -= max(1, sums.count)
    let sorted = sums.sorted { $0.key.lexicographicallyPrecedes($1.key) { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) } }
    for (position, group) in groups.enumerated() where group == ("DIMENSION", "LINKED_ACCOUNT") {
      for keys in sums.keys { accounts.insert(keys[position]) }
    }
    func cells(_ cells: [(Row, [Int])]) -> JSONTree {
      .object(
        metrics.enumerated().map { index, metric in
          let units = Set(cells.map(\.0.unit))
          let unit = metric.hasSuffix("Cost") ? "USD" : metric == "UsageQuantity" && units.count == 1 ? units.first ?? "" : "N/A"
          return (metric, .object([("Amount", .string(Self.text(cells.reduce(0) { $0 + $1.1[index] }))), ("Unit", .string(unit))]))
        })
    }
    let rows = sorted.map { keys, list in JSONTree.object([("Keys", .array(keys.map { .string($0) })), ("Metrics", cells(list))]) }
    return .object([
      ("TimePeriod", .object([("Start", .string(bucket.start)), ("End", .string(bucket.end))])),
      ("Total", groups.isEmpty ? cells(sorted.first?.value ?? []) : .object([])), ("Groups", .array(groups.isEmpty ? [] : rows)),
      ("Estimated", .bool((bucket.days.last ?? 0) >= finalUntil)),
    ])
  }

  private static func text(_ amount: Int) -> String {
    let (whole, rest) = abs(amount).quotientAndRemainder(dividingBy: 10_000_000_000)
    guard rest > 0 else { return amount < 0 ? "-\(whole)" : "\(whole)" }
    let digits = String(repeating: "0", count: 10 - String(rest).count) + String(rest)
    return (amount < 0 ? "-" : "") + "\(whole)." + digits.reversed().drop { $0 == "0" }.reversed()
  }
}
