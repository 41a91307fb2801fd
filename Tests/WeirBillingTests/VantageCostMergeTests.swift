import Testing
import WeirBilling
import WeirCore
import WeirJSON

@Suite("Merging Vantage cost queries (issue 3)")
struct VantageCostMergeTests {
  private static let pack = VantagePack()
  private static let context = PolicyContext(
    today: CivilDate(year: 2026, month: 11, day: 23), freshness: FreshnessTable(calendar: AWSBillingCalendar()))

  private static func policy(_ arguments: String) throws -> CallPolicy {
    pack.policy(tool: "query-costs", arguments: try json(arguments), context: context)
  }

  private static func merged(_ members: [String]) throws -> MergedCall? {
    let calls = try members.compactMap { try policy($0).merging }
    return calls.count == members.count ? MergeableCall.merge(calls, within: MergeLimits()) : nil
  }

  private static func query(
    _ filter: String = "(costs.provider = 'aws' AND costs.service = 'A')", from: String = "2026-10-01", to: String = "2026-10-10",
    extra: String = ""
  ) -> String {
    #"{"filter":"\#(filter)","start_date":"\#(from)","end_date":"\#(to)","workspace_token":"wrkspc_1"\#(extra)}"#
  }

  private static func service(_ values: String) -> String { "(costs.provider = 'aws' AND costs.service \(values))" }

  @Test("values of one field that is grouped by, and days, are asked together")
  func merges() throws {
    let values = try requireValue(Self.merged([Self.query(), Self.query(Self.service("IN ('C','B')"))]))
    let sent = #","date_bin":"day","groupings":["provider","service","region"]"#
    #expect(String(decoding: values.arguments, as: UTF8.self) == Self.query(Self.service("IN ('A', 'B', 'C')"), extra: sent))
    let days = try requireValue(Self.merged([Self.query(), Self.query(from: "2026-10-11", to: "2026-10-12")]))
    #expect(String(decoding: days.arguments, as: UTF8.self) == Self.query(to: "2026-10-12", extra: sent))
  }

  @Test(
    "what might not be exact is never merged",
    arguments: [
      // Filters beyond the one form that is read.
      [query("((costs.provider = 'aws') OR (costs.provider = 'azure'))"), query()],
      [query("(costs.provider = 'aws' AND NOT costs.service = 'A')"), query()],
      [query("(costs.provider = 'aws' AND tags.name = NULL)"), query("(costs.provider = 'aws' AND tags.name = 'x')")],
      [query("(costs.provider = 'aws' AND costs.service LIKE 'A%')"), query()],
      [query("(costs.provider = 'aws' AND costs.service != 'A')"), query()],
      [query("(costs.provider = 'aws' AND costs.service = 'it''s')"), query()],
      [query("(costs.provider = 'aws' and costs.service = 'B')"), query()],
      [query("(costs.provider = 'aws' AND costs.service = 'B'))"), query()],
      [query("costs.provider = 'aws' AND costs.service = 'B'"), query()],
      [query("(costs.service = 'B')"), query("(costs.service = 'A')")],
      [query("(costs.provider IN ('aws', 'gcp') AND costs.service = 'A')"), query("(costs.provider IN ('aws', 'gcp') AND costs.service = 'B')")],
      [query("(costs.provider = 'gcp' AND costs.service = 'A')"), query()],
      // Fields that rows do not tell, or tell otherwise.
      [query(extra: #","groupings":["provider"]"#), query(service("= 'B'"), extra: #","groupings":["provider"]"#)],
      [query("(costs.provider = 'aws' AND tags.name = 'a')"), query("(costs.provider = 'aws' AND tags.name = 'b')")],
      [query(service("= 'a'")), query()],
      [
        query("(costs.provider = 'aws' AND costs.service = 'A' AND costs.service = 'B')"),
        query("(costs.provider = 'aws' AND costs.service = 'A' AND costs.service = 'C')"),
      ],
      // Two differences, gaps, other buckets, other workspaces, other settings.
      [query(), query(service("= 'B'"), to: "2026-10-11")],
      [query(), query(from: "2026-10-12", to: "2026-10-13")],
      [query(extra: #","date_bin":"month""#), query(to: "2026-10-31", extra: #","date_bin":"month""#)],
      [query(), query(service("= 'B'"), extra: #","date_bin":"week""#)],
      [query(), query(service("= 'B'")).replacing("wrkspc_1", with: "wrkspc_2")],
      [query(), query(service("= 'B'"), extra: #","settings_amortize":true"#)],
      [query(extra: #","settings_aggregate_by":"usage""#), query(service("= 'B'"), extra: #","settings_aggregate_by":"usage""#)],
      [query(extra: #","settings_show_previous_period":true"#), query(service("= 'B'"), extra: #","settings_show_previous_period":true"#)],
      [query(extra: #","page":2"#), query(service("= 'B'"), extra: #","page":2"#)],
      [query(extra: #","other":1"#), query(service("= 'B'"), extra: #","other":1"#)],
      [query(from: "2020-01-01"), query(service("= 'B'"), from: "2020-01-01")],
    ])
  func neverMerged(_ members: [String]) throws {
    #expect(try Self.merged(members) == nil)
  }

  @Test("rounded amounts, pages, other currencies and foreign rows are nobody's answer")
  func refusedAnswers() throws {
    let call = try requireValue(Self.merged([Self.query(), Self.query(Self.service("= 'B'"))]))
    func body(_ first: String, _ second: String, _ total: String, _ page: String = "false", _ currency: String = "USD") throws -> JSONValue {
      func row(_ service: String, _ amount: String, _ currency: String) -> String {
        #"{"accrued_at":"2026-10-02","amount":"\#(amount)","currency":"\#(currency)","service":"\#(service)"}"#
      }
      return try result(
        #"{"costs":[\#(row("A", first, "USD")),\#(row("B", second, currency))],"total_cost":{"amount":"\#(total)","currency":"USD"},"#
          + #""notes":"","pagination":{"nextPage":0,"hasNextPage":\#(page)}}"#)
    }
    #expect(call.split(try body("1.000001", "2.5", "3.500001"), for: 0) != nil)
    #expect(call.split(try body("1.00001", "2", "3.00001"), for: 1) == nil, "2 or 2.0")
    #expect(call.split(try body("1.25", "2.25", "3.5"), for: 0) == nil)
    #expect(call.split(try body("1.000001", "2.5", "3.500002"), for: 0) == nil)
    #expect(call.split(try body("1.000001", "2.5", "3.5000010"), for: 0) == nil)
    #expect(call.split(try body("1e-7", "2.5", "2.5"), for: 0) == nil)
    #expect(call.split(try body("1.000001", "2.5", "3.500001", "true"), for: 0) == nil)
    #expect(call.split(try body("1.000001", "2.5", "3.500001", "false", "EUR"), for: 0) == nil)
  }

  @Test("every part of a merged answer is the direct answer, byte for byte", arguments: 0..<8)
  func random(_ seed: UInt64) throws {
    var random = SeededRandom(seed &+ 900)
    var compared = 0
    for _ in 0..<exactnessRounds {
      let server = VantageCostServer(lines: Self.lines(&random), pointAlways: random.chance(50))
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

  @Test("a service that rounds to cents is noticed", arguments: 0..<20)
  func rounding(_ seed: UInt64) throws {
    var random = SeededRandom(seed)
    let server = VantageCostServer(lines: Self.lines(&random), pointAlways: true, isRounded: true)
    let call = try requireValue(Self.merged([Self.query(), Self.query(Self.service("= 'B'"))]))
    let whole = try server.answer(JSONDocument(parsing: call.arguments).root)
    #expect(call.split(whole, for: 0) == nil)
  }

  private static func lines(_ random: inout SeededRandom) -> [VantageCostServer.Line] {
    (0..<Int.random(in: 3...40, using: &random)).map { _ in
      VantageCostServer.Line(
        day: CivilDate(year: 2026, month: 10, day: Int.random(in: 1...12, using: &random)),
        fields: [
          "provider": "aws", "service": random.pick(["A", "B", "C"]), "region": random.pick(["us-east-1", "eu-west-1"]),
          "account_id": random.pick(["1", "2"]),
        ], amount: random.chance(10) ? 1_000_000 : Int.random(in: 0...9_000_000, using: &random))
    }
  }

  private static func batch(_ random: inout SeededRandom) -> [String] {
    let (field, values) = random.pick([("service", ["A", "B", "C"]), ("region", ["us-east-1", "eu-west-1"]), ("account_id", ["1", "2"])])
    let isByDay = random.chance(40)
    let fixed = random.pick(values)
    let groups = random.pick(["", #","groupings":["service","account_id"]"#, #","groupings":["account_id","region","service"]"#])
    let bin = isByDay ? "" : random.pick(["", #","date_bin":"day""#, #","date_bin":"month""#])
    return (0..<Int.random(in: 2...5, using: &random)).map { _ in
      let chosen = isByDay ? [fixed] : random.chance(70) ? [random.pick(values)] : values.shuffled(using: &random).prefix(2).map { $0 }
      let first = isByDay ? Int.random(in: 1...5, using: &random) : 1
      let last = isByDay ? first + Int.random(in: 0...4, using: &random) : 12
      func date(_ day: Int) -> String { "2026-10-" + (day < 10 ? "0\(day)" : "\(day)") }
      let list = chosen.map { "'\($0)'" }.joined(separator: ",")
      let filter = "(costs.provider = 'aws' AND costs.\(field) \(chosen.count == 1 ? "= \(list)" : "IN (\(list))"))"
      return query(filter, from: date(first), to: date(last), extra: groups + bin)
    }
  }
}
