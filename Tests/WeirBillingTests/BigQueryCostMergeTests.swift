import Testing
import WeirBilling
import WeirCore
import WeirJSON

@Suite("Queries of a billing export in BigQuery (issue 3)")
struct BigQueryCostMergeTests {
  private static let pack = BigQueryPack()
  private static let context = PolicyContext(
    today: CivilDate(year: 2026, month: 11, day: 23), freshness: FreshnessTable(calendar: GoogleBillingCalendar()))

  private static func policy(_ sql: String, extra: String = "") throws -> CallPolicy {
    let quoted = String(decoding: JSONWriter.quoted(sql), as: UTF8.self)
    return pack.policy(tool: "execute_sql_readonly", arguments: try json(#"{"projectId":"p","query":\#(quoted)\#(extra)}"#), context: context)
  }

  private static func sql(_ condition: String, group: String = "GROUP BY service, day ORDER BY service, day") -> String {
    "SELECT service.description AS service, usage_day AS day, SUM(CAST(cost AS NUMERIC)) AS cost FROM `p.d.export` "
      + "WHERE usage_start_time >= TIMESTAMP('2026-10-01') AND usage_start_time < TIMESTAMP('2026-11-01') AND \(condition) \(group)"
  }

  private static func one(_ value: String) -> String { "service.description = '\(value)'" }

  private static func merged(_ queries: [String]) throws -> MergedCall? {
    let calls = try queries.compactMap { try policy($0).merging }
    return calls.count == queries.count ? MergeableCall.merge(calls, within: MergeLimits()) : nil
  }

  @Test("white space, the order of conditions and of values make no other query")
  func keys() throws {
    let key = try Self.policy(Self.sql("service.description IN ('B', 'A') AND project.id = 'x'")).keyArguments
    #expect(!key.isEmpty)
    #expect(try Self.policy(Self.sql("project.id IN ('x') AND\n  service.description IN ('A','B','A')") + " ;").keyArguments == key)
    #expect(try Self.policy(Self.sql("service.description IN ('B', 'a') AND project.id = 'x'")).keyArguments != key)
    #expect(try Self.policy("SELECT  1").keyArguments == Self.policy("SELECT 1").keyArguments)
    #expect(try Self.policy("SELECT 'a  b'").keyArguments != Self.policy("SELECT 'a b'").keyArguments)
    #expect(try Self.policy("SELECT 1").keyArguments != Self.policy("SELECT 1", extra: #","labels":{"a":"b"}"#).keyArguments)
  }

  @Test(
    "what may differ from run to run, writes, or is not read to its end is never kept",
    arguments: [
      "SELECT CURRENT_DATE()", "SELECT current_timestamp()", "SELECT RAND()", "SELECT session_user()", "SELECT 1; SELECT 2",
      "DELETE FROM t WHERE TRUE",
      "SELECT 1 -- now", "SELECT 1 /* x */", "SELECT @a", "SELECT r'a'", "SELECT '''a'''", "SELECT 'a\\n'", "SELECT 'a", "",
      "SELECT * FROM t FOR SYSTEM_TIME AS OF x", "SELECT * FROM t TABLESAMPLE SYSTEM (10 PERCENT)", "SELECT * FROM `p.d.INFORMATION_SCHEMA.TABLES`",
      "CREATE TABLE t AS SELECT 1", "SELECT GENERATE_UUID()", "SELECT * FROM EXTERNAL_QUERY('a', 'b')", "SELECT é", "SELECT `p.d.f`(1)",
      "SELECT d.f(1)", "SELECT ML.PREDICT(1)",
    ])
  func neverKept(_ sql: String) throws {
    #expect(try Self.policy(sql).caching == .never)
  }

  @Test("dry runs and unknown arguments are never kept, days of a recognised query tell how long it is")
  func policies() throws {
    #expect(try Self.policy("SELECT 1", extra: #","dryRun":true"#).caching == .never)
    #expect(try Self.policy("SELECT 1", extra: #","timeout":1"#).caching == .never)
    #expect(try Self.policy("SELECT 1").caching == .cached(Self.context.freshness[.open]))
    #expect(try Self.policy(Self.sql(Self.one("A"))).caching == .cached(Self.context.freshness[.closed]))
    #expect(Self.pack.policy(tool: "execute_sql", arguments: nil, context: Self.context).caching == .never)
  }

  @Test(
    "only the one form is asked together",
    arguments: [
      [sql("service.description LIKE 'A%'"), sql(one("B"))],
      [sql("(service.description = 'A')"), sql(one("B"))],
      [sql("service.description = 'A' OR service.description = 'C'"), sql(one("B"))],
      [sql("project.id = 'A'"), sql("project.id = 'B'")],
      [sql("service.description = 'A' AND service.description = 'B'"), sql("service.description = 'A' AND service.description = 'C'")],
      [sql(one("A"), group: "GROUP BY service, day"), sql(one("B"), group: "GROUP BY service, day")],
      [sql(one("A"), group: "GROUP BY service, day ORDER BY service"), sql(one("B"), group: "GROUP BY service, day ORDER BY service")],
      [sql(one("A"), group: "GROUP BY service, day ORDER BY cost, day"), sql(one("B"), group: "GROUP BY service, day ORDER BY cost, day")],
      [sql(one("A")) + " LIMIT 5", sql(one("B")) + " LIMIT 5"],
      [sql(one("A")).replacing("CAST(cost AS NUMERIC)", with: "cost"), sql(one("B")).replacing("CAST(cost AS NUMERIC)", with: "cost")],
      [sql(one("A")).replacing("`p.d.export`", with: "`p.d.export`, UNNEST(credits)"), sql(one("B"))],
      [sql(one("A")).replacing("2026-10-01", with: "2026-09-01"), sql(one("B"))],
      [sql(one("A")).replacing("p.d.export", with: "p.d.other"), sql(one("B"))],
      [sql(one("A")).replacing("SELECT", with: "SELECT DISTINCT"), sql(one("B")).replacing("SELECT", with: "SELECT DISTINCT")],
    ])
  func neverMerged(_ queries: [String]) throws {
    #expect(try Self.merged(queries) == nil)
  }

  /// Rows of the export: service, day and millionths. The texts were written by `text(conditions:)` or by `sql`, so that the values stand after the last IN or `=`.
  private static func answer(_ lines: [(service: String, day: Int, cost: Int)], _ sql: String) throws -> JSONValue {
    let condition = try requireValue(sql.split(separator: "service.description ").last).split(separator: " GROUP")[0]
    let pieces: [Substring] = condition.split(separator: "'", omittingEmptySubsequences: false)
    let values = pieces.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
    var cells: [[String]: Int] = [:]
    for line in lines where values.contains(line.service) { cells[[line.service, "2026-10-\(line.day)"], default: 0] += line.cost }
    let rows = cells.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { key, cost in
      JSONTree.object([("f", .array((key + ["\(cost)"]).map { .object([("v", .string($0))]) }))])
    }
    let body = JSONTree.object([
      ("schema", .object([("fields", .array([.string("service"), .string("day"), .string("cost")]))])), ("rows", .array(rows)),
      ("totalRows", .string("\(rows.count)")), ("jobComplete", .bool(true)),
    ])
    return try toolResult(body, structured: body)
  }

  @Test("every part of a merged answer is the direct answer, byte for byte", arguments: 0..<4)
  func random(_ seed: UInt64) throws {
    var random = SeededRandom(seed &+ 50)
    var compared = 0
    for _ in 0..<exactnessRounds {
      let lines = (0..<Int.random(in: 2...30, using: &random)).map { _ in
        (random.pick(["A", "B", "C", "a"]), Int.random(in: 10...14, using: &random), Int.random(in: 1...9_000_000, using: &random))
      }
      let queries = (0..<Int.random(in: 2...5, using: &random)).map { _ in
        let values = (0...(random.chance(30) ? 1 : 0)).map { _ in random.pick(["A", "B", "C", "D"]) }
        return Self.sql(values.count == 1 ? Self.one(values[0]) : "service.description IN ('\(values[0])', '\(values[1])')")
      }
      guard let call = try Self.merged(queries) else { continue }
      let sent = try requireValue(try JSONDocument(parsing: call.arguments).root["query"]?.string)
      let whole = try Self.answer(lines, sent)
      for (index, query) in queries.enumerated() {
        guard let split = call.split(whole, for: index) else { continue }
        compared += 1
        let direct = try Self.answer(lines, query)
        #expect(split == direct.raw, "\(query)")
      }
    }
    #expect(compared > exactnessRounds / 2, "\(compared) compared")
  }
}
