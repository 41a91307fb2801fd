import Testing
import WeirBilling
import WeirCore
import WeirJSON

@Suite("Merging Azure cost queries (issue 3)")
struct AzureCostMergeTests {
  private static let pack = AzureCostPack()
  private static let context = PolicyContext(
    today: CivilDate(year: 2026, month: 11, day: 23), freshness: FreshnessTable(calendar: AzureBillingCalendar()))

  private static func policy(_ arguments: String) throws -> CallPolicy {
    pack.policy(tool: "query_costs", arguments: try json(arguments), context: context)
  }

  private static func merged(_ members: [String]) throws -> MergedCall? {
    let calls = try members.compactMap { try policy($0).merging }
    return calls.count == members.count ? MergeableCall.merge(calls, within: MergeLimits()) : nil
  }

  /// A query of October by day, of services, by resource group.
  private static func query(
    from: String = "2026-10-01T00:00:00Z", to: String = "2026-10-10T23:59:59Z", granularity: String = "Daily", sums: String = cost,
    groups: [String] = ["ResourceGroupName"], filter: String? = service("Storage"), scope: String = "/subscriptions/1", extra: String = ""
  ) -> String {
    let grouping = groups.map { #"{"type":"Dimension","name":"\#($0)"}"# }.joined(separator: ",")
    return #"{"scope":"\#(scope)","type":"ActualCost","timeframe":"Custom","timePeriod":{"from":"\#(from)","to":"\#(to)"},"#
      + #""dataset":{"granularity":"\#(granularity)","aggregation":{\#(sums)},"grouping":[\#(grouping)]\#(filter.map { #","filter":\#($0)"# } ?? "")\#(extra)}}"#
  }

  private static let cost = #""totalCost":{"function":"Sum","name":"Cost"}"#
  private static let dollars = #""usd":{"function":"Sum","name":"CostUSD"}"#

  private static func service(_ names: String...) -> String {
    #"{"dimensions":{"name":"ServiceName","operator":"In","values":[\#(names.map { "\"\($0)\"" }.joined(separator: ","))]}}"#
  }

  @Test("values of one dimension are asked together, grouped by it; sums and days too")
  func merges() throws {
    let values = try requireValue(Self.merged([Self.query(), Self.query(filter: Self.service("Bandwidth"))]))
    let sent = String(decoding: values.arguments, as: UTF8.self)
    #expect(sent == Self.query(groups: ["ResourceGroupName", "ServiceName"], filter: Self.service("Bandwidth", "Storage")))
    let sums = try requireValue(Self.merged([Self.query(), Self.query(sums: Self.cost + "," + Self.dollars)]))
    #expect(String(decoding: sums.arguments, as: UTF8.self) == Self.query(sums: Self.cost + "," + Self.dollars))
    let days = try requireValue(Self.merged([Self.query(), Self.query(from: "2026-10-11T00:00:00Z", to: "2026-10-31T23:59:59Z")]))
    #expect(String(decoding: days.arguments, as: UTF8.self) == Self.query(to: "2026-10-31T23:59:59Z"))
  }

  @Test(
    "what might not be exact is never merged",
    arguments: [
      // Scopes have their own permissions, granularities their own buckets.
      [query(), query(scope: "/subscriptions/2")],
      [query(), query(granularity: "None")],
      [query(granularity: "Monthly"), query(to: "2026-10-31T23:59:59Z", granularity: "Monthly")],
      [query(granularity: "None"), query(to: "2026-10-31T23:59:59Z", granularity: "None")],
      // Two differences; three groups; a sum over two values.
      [query(), query(sums: dollars, filter: service("Bandwidth"))],
      [query(), query(to: "2026-10-11T23:59:59Z", filter: service("Bandwidth"))],
      [query(groups: ["A", "B"]), query(groups: ["A", "B"], filter: service("Bandwidth"))],
      [query(), query(filter: service("Bandwidth", "Backup"))],
      [query(filter: service("storage")), query()],
      // Ranges that the service cuts, turns round, or clips.
      [query(), query(from: "2026-10-20T00:00:00Z", to: "2026-10-31T23:59:59Z")],
      [query(), query(from: "2026-10-11T00:00:00Z", to: "2026-11-05T23:59:59Z")],
      [query(from: "2026-09-01T00:00:00Z"), query(from: "2026-09-01T00:00:00Z", filter: service("Bandwidth"))],
      [query(to: "2026-09-30T23:59:59Z"), query(to: "2026-09-30T23:59:59Z", filter: service("Bandwidth"))],
      [
        query(from: "2026-11-20T00:00:00Z", to: "2026-11-24T23:59:59Z"),
        query(from: "2026-11-20T00:00:00Z", to: "2026-11-24T23:59:59Z", filter: service("B")),
      ],
      [query(to: "2026-10-10T00:00:00Z"), query(from: "2026-10-11T00:00:00Z", to: "2026-10-12T00:00:00Z")],
      // Sorted rows, other operators, three sums, the same column twice, another order of columns.
      [query(extra: #","sorting":[]"#), query(filter: service("Bandwidth"), extra: #","sorting":[]"#)],
      [query(filter: service("A").replacing("\"In\"", with: "\"NotIn\"")), query(filter: service("B").replacing("\"In\"", with: "\"NotIn\""))],
      [query(filter: #"{"or":[\#(service("A")),\#(service("B"))]}"#), query(filter: #"{"or":[\#(service("A")),\#(service("C"))]}"#)],
      [query(filter: #"{"and":[\#(service("A")),\#(service("A","B"))]}"#), query(filter: #"{"and":[\#(service("A")),\#(service("A","C"))]}"#)],
      [query(sums: cost + "," + dollars), query(sums: #""x":{"name":"PreTaxCost","function":"Sum"}"#)],
      [query(sums: cost), query(sums: #""x":{"name":"Cost","function":"Sum"}"#)],
      [query(sums: cost + "," + dollars), query(sums: dollars + "," + cost)],
    ])
  func neverMerged(_ members: [String]) throws {
    #expect(try Self.merged(members) == nil)
  }

  @Test("a batch that could have 100 rows is not made, nor one that does have so many split")
  func rows() throws {
    let october = { (name: String) in Self.query(to: "2026-10-31T23:59:59Z", groups: [], filter: Self.service(name)) }
    #expect(try Self.merged(["A", "B", "C"].map(october)) != nil)
    #expect(try Self.merged(["A", "B", "C", "D"].map(october)) == nil)
    let call = try requireValue(Self.merged([Self.query(groups: []), Self.query(groups: [], filter: Self.service("Bandwidth"))]))
    func answer(_ rows: Int, _ more: String = "null", _ value: String = "Storage") throws -> JSONValue {
      let columns = ["Cost", "UsageDate", "ServiceName", "Currency"].map { #"{"name":"\#($0)","type":"x"}"# }.joined(separator: ",")
      let list = (0..<rows).map { #"[1.5,\#(20_261_001 + $0 % 10),"\#(value)","C\#($0 / 10)"]"# }.joined(separator: ",")
      return try result(#"{"properties":{"nextLink":\#(more),"columns":[\#(columns)],"rows":[\#(list)]}}"#)
    }
    #expect(call.split(try answer(99), for: 0) != nil)
    #expect(call.split(try answer(100), for: 0) == nil)
    #expect(call.split(try answer(5, #""https://management.azure.com/""#), for: 0) == nil)
    #expect(call.split(try answer(5), for: 0) != nil)
    #expect(call.split(try answer(5), for: 1) == nil)
    #expect(call.split(try answer(5, "null", "Backup"), for: 0) == nil)
    #expect(call.split(try answer(0), for: 0) == nil)
  }

  @Test("a value that the service spells in two ways is asked alone where its column is not the member's own")
  func spellings() throws {
    let filter = { (name: String) in Self.service(name).replacing("ServiceName", with: "ResourceGroupName") }
    func parts(groups: [String]) throws -> [[UInt8]?] {
      let call = try requireValue(Self.merged(["web", "data"].map { Self.query(groups: groups, filter: filter($0)) }))
      let lines = [("Web", "USD"), ("web", "EUR"), ("data", "USD")].map { group, currency in
        AzureCostServer.Line(
          day: CivilDate(year: 2026, month: 10, day: 1), dimensions: ["ResourceGroupName": group], currency: currency, cost: 1_500_000)
      }
      let whole = try AzureCostServer(lines: lines).answer(JSONDocument(parsing: call.arguments).root)
      return [call.split(whole, for: 0), call.split(whole, for: 1)]
    }
    let alone = try parts(groups: [])
    #expect(alone[0] == nil && alone[1] != nil)
    let grouped = try parts(groups: ["ResourceGroupName"])
    #expect(grouped[0] != nil && grouped[1] != nil)
  }

  @Test("every part of a merged answer is the direct answer, byte for byte", arguments: 0..<8)
  func random(_ seed: UInt64) throws {
    var random = SeededRandom(seed &+ 700)
    var compared = 0
    for _ in 0..<exactnessRounds {
      let server = AzureCostServer(lines: Self.lines(&random), structured: random.chance(50))
      let batch = Self.batch(&random)
      guard let call = try Self.merged(batch) else { continue }
      let whole = try server.answer(JSONDocument(parsing: call.arguments).root)
      for (index, arguments) in batch.enumerated() {
        guard let split = call.split(whole, for: index) else { continue }
        compared += 1
        let direct = try server.answer(json(arguments))
        #expect(split == direct.raw, "\(arguments)")
      }
    }
    #expect(compared > exactnessRounds / 2, "\(compared) compared")
  }

  private static func lines(_ random: inout SeededRandom) -> [AzureCostServer.Line] {
    (0..<Int.random(in: 5...60, using: &random)).map { _ in
      AzureCostServer.Line(
        day: CivilDate(year: 2026, month: 10, day: Int.random(in: 1...12, using: &random)),
        dimensions: [
          "ServiceName": random.pick(["Storage", "Bandwidth", "Backup"]) + (random.chance(1) ? " " : ""),
          "ResourceGroupName": random.pick(["web", "data", random.chance(5) ? "Web" : "web"]), "ResourceLocation": random.pick(["eastus", "westus"]),
        ], currency: random.chance(80) ? "USD" : "EUR", cost: Int.random(in: 0...5_000_000, using: &random))
    }
  }

  private static func batch(_ random: inout SeededRandom) -> [String] {
    let groups = random.pick([[], ["ResourceGroupName"], ["ServiceName"], ["ServiceName", "ResourceGroupName"], ["ResourceLocation"]])
    let dimension = random.pick(["ServiceName", "ResourceGroupName"])
    let values = dimension == "ServiceName" ? ["Storage", "Bandwidth", "Backup", "None"] : ["web", "data", "none"]
    let other = #"{"dimensions":{"name":"ResourceLocation","operator":"In","values":["eastus"]}}"#
    let isNarrow = random.chance(40)
    let kind = random.pick(["values", "values", "sums", "days"])
    let fixed = random.pick(values)
    let granularity = kind == "days" ? "Daily" : random.pick(["Daily", "Monthly", "None"])
    return (0..<Int.random(in: 2...5, using: &random)).map { _ in
      let chosen = kind == "values" ? [random.pick(values)] + (groups.contains(dimension) && random.chance(40) ? [random.pick(values)] : []) : [fixed]
      let leaf =
        #"{"dimensions":{"name":"\#(dimension)","operator":"In","values":[\#(chosen.map { "\"\($0)\"" }.joined(separator: ","))]}}"#
      let filter = isNarrow ? #"{"and":[\#(random.chance(50) ? "\(leaf),\(other)" : "\(other),\(leaf)")]}"# : leaf
      let first = kind == "days" ? Int.random(in: 1...6, using: &random) : 1
      let last = kind == "days" ? first + Int.random(in: 0...5, using: &random) : 12
      func two(_ day: Int) -> String { day < 10 ? "0\(day)" : "\(day)" }
      return query(
        from: "2026-10-\(two(first))T00:00:00Z", to: "2026-10-\(two(last))T23:59:59Z", granularity: granularity,
        sums: kind == "sums" ? random.pick([cost, dollars, cost + "," + dollars]) : cost, groups: groups, filter: filter)
    }
  }
}
