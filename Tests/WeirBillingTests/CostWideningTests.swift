import Testing
import WeirCore
import WeirJSON

@testable import WeirBilling

@Suite("Wider questions to Cost Explorer (issue 3)")
struct CostWideningTests {
  /// A book that has seen the whole bill, and metrics beside the usual one.
  private static func book(_ server: CostServer) throws -> CostBook {
    let book = CostBook()
    for key in CostQuestion.keys {
      var question = CostQuestion(start: "2026-08-01", end: "2026-12-01")
      (question.granularity, question.metrics, question.groups) = ("MONTHLY", ["UnblendedCost", "AmortizedCost", "UsageQuantity"], [key])
      var random = SeededRandom(1)
      let arguments = try json(question.spelled(&random))
      guard CostQuery(arguments) != nil else { continue }
      let data = try requireValue(try JSONDocument(parsing: server.answer(arguments)).root["structuredContent"]?["data"])
      book.learn(arguments, data)
    }
    return book
  }

  @Test("what is cut from the answer to a wider question is the answer to the narrow one, bucket for bucket, byte for byte", arguments: 0..<2)
  func exact(_ seed: UInt64) throws {
    var random = SeededRandom(seed &+ 700)
    var (widenings, slices, untold, zeros) = (0, 0, 0, 0)
    for round in 0..<exactnessRounds {
      let server = CostServer(seed: seed * 1000 + UInt64(round), rows: 8 + random.below(30))
      let book = try Self.book(server)
      var question = CostQuestion.any(&random)
      if question.granularity == "HOURLY" { question.granularity = "DAILY" }
      question.filters.append(CostQuestion.leaf(random.pick(CostQuestion.keys), &random, count: random.chance(85) ? 1 : nil))
      question.move(&random)
      guard let narrow = CostQuery(try json(question.spelled(&random))), let buckets = CostAndUsageBuckets.buckets(of: narrow) else { continue }
      for rule in CostAndUsageBuckets(query: narrow, book: book).wider() {
        widenings += 1
        for bucket in buckets.prefix(6) {
          func answer(_ rule: any BucketRule) throws -> [UInt8] {
            try server.answer(try JSONDocument(parsing: rule.call(from: bucket.start, to: bucket.end).sentArguments).root)
          }
          let whole = try JSONDocument(parsing: try answer(rule.rule))
          guard let slice = rule.slice(whole.root, of: bucket) else {
            untold += 1
            continue
          }
          slices += 1
          let direct = try answer(CostAndUsageBuckets(query: narrow, book: book))
          if slice != direct {
            Issue.record("\(narrow)\n\(String(decoding: slice, as: UTF8.self))\n\(String(decoding: direct, as: UTF8.self))")
          }
          if String(decoding: slice, as: UTF8.self).contains(#""Amount":"0""#) { zeros += 1 }
        }
      }
    }
    #expect(widenings > exactnessRounds / 2 && slices > exactnessRounds && zeros > exactnessRounds / 20)
    #expect(untold < slices, "\(untold) of \(slices)")
  }

  private static func query(_ members: String, start: String = "2026-11-01", end: String = "2026-11-10") throws -> CostQuery {
    try requireValue(CostQuery(try json(#"{"operation":"getCostAndUsage","start_date":"\#(start)","end_date":"\#(end)",\#(members)}"#)))
  }

  private static func leaf(_ key: String, _ values: String, root: String = "Dimensions") -> String {
    #"{"\#(root)":{"Key":"\#(key)","Values":[\#(values)]}}"#
  }

  @Test(
    "a condition whose slices are no groups is never left out",
    arguments: [
      leaf("LINKED_ACCOUNT", #""a","b""#), leaf("RESOURCE_ID", #""a""#), leaf("team", #""""#, root: "Tags"), #"{"Tags":{"Key":"team"}}"#,
      #"{"Not":\#(leaf("SERVICE", #""a""#))}"#, #"{"Or":[\#(leaf("SERVICE", #""a""#)),\#(leaf("REGION", #""b""#))]}"#,
      #"{"Tags":{"Key":"team","Values":["a"],"MatchOptions":["STARTS_WITH"]}}"#,
      #"{"And":[\#(leaf("SERVICE", #""a""#)),{"Not":\#(leaf("SERVICE", #""b""#))}]}"#,
      #"{"And":[\#(leaf("USAGE_TYPE", #""a""#)),\#(leaf("USAGE_TYPE_GROUP", #""b""#))]}"#,
    ])
  func never(_ filter: String) throws {
    #expect(CostWidening.parts(of: try Self.query(#""filter":\#(filter)"#), metrics: []).map(\.isSame) == [true])
  }

  @Test("each condition is left out, and both, and what was asked for of other metrics comes along")
  func all() throws {
    let both = #""filter":{"And":[\#(Self.leaf("LINKED_ACCOUNT", #""a""#)),\#(Self.leaf("SERVICE", #""b""#))]}"#
    let wider = CostWidening.parts(of: try Self.query(both), metrics: [.amortizedCost])
    #expect(wider.allSatisfy { $0.query.metrics == [.amortizedCost, .unblendedCost] })
    #expect(
      wider.map { $0.query.groups.map(\.name.string) } == [
        [], ["LINKED_ACCOUNT"], ["SERVICE"], ["SERVICE", "LINKED_ACCOUNT"], ["LINKED_ACCOUNT", "SERVICE"],
      ])
    // No third group, and money beside usage.
    let full = #"\#(both),"metrics":["UsageQuantity"],"group_by":[{"Type":"DIMENSION","Key":"REGION"},{"Type":"TAG","Key":"t"}]"#
    #expect(CostWidening.parts(of: try Self.query(full), metrics: [.amortizedCost]).map(\.query.metrics) == [[.amortizedCost, .usageQuantity]])
    // What is grouped by already is not added, whatever its values.
    let grouped =
      #""filter":\#(Self.leaf("SERVICE", #""a","b""#)),"group_by":[{"Type":"DIMENSION","Key":"REGION"},{"Type":"DIMENSION","Key":"SERVICE"}]"#
    #expect(CostWidening.parts(of: try Self.query(grouped), metrics: []).map(\.query.filter) == [try Self.query(grouped).filter, nil])
  }

  @Test("a value that was never seen as a group is told by no wider answer: it may be spelled in another way")
  func unknownNames() throws {
    let server = CostServer(seed: 3)
    let book = try Self.book(server)
    for (service, isTold) in [("Amazon S3", true), ("Amazon Simple Storage Service", false)] {
      let narrow = CostAndUsageBuckets(query: try Self.query(#""filter":\#(Self.leaf("SERVICE", #""\#(service)""#))"#), book: book)
      let rule = try #require(narrow.wider().last)
      let bucket = TimeBucket(start: CivilDate(year: 2026, month: 11, day: 1), end: CivilDate(year: 2026, month: 11, day: 2))
      let whole = try server.answer(try JSONDocument(parsing: rule.rule.call(from: bucket.start, to: bucket.end).sentArguments).root)
      #expect((rule.slice(try JSONDocument(parsing: whole).root, of: bucket) != nil) == isTold)
    }
  }

  // MARK: What is worth asking

  private static let today = CivilDate(year: 2026, month: 11, day: 20)

  private static func range(_ start: String, _ end: String) throws -> TimeBucket {
    TimeBucket(start: try requireValue(CivilDate(start.utf8)), end: try requireValue(CivilDate(end.utf8)))
  }

  @Test("what fits a page is asked in the place of a narrow question, and over as much time as fits")
  func worthAsking() throws {
    let book = CostBook()
    let range = try Self.range("2026-11-13", "2026-11-20")
    let narrow = CostAndUsageBuckets(
      query: try Self.query(#""filter":\#(Self.leaf("LINKED_ACCOUNT", #""a""#))"#, start: "2026-11-13", end: "2026-11-20"), book: book)
    // 25 accounts, as far as anybody knows: a month of them fits, three do not.
    let ask = try #require(narrow.asking(7, of: range, today: Self.today, addingUp: false))
    let sent = String(decoding: ask.rule.call(from: range.start, to: range.end).keyArguments, as: UTF8.self)
    #expect(sent.contains("group_by") && !sent.contains("filter"))
    #expect(ask.buckets.first?.start == CivilDate(year: 2026, month: 10, day: 20) && ask.buckets.last?.end == Self.today)
    // On the day on which it was of no use, the next best is asked.
    ask.wider.refuse(on: Self.today)
    let next = try #require(narrow.asking(7, of: range, today: Self.today, addingUp: false))
    #expect(String(decoding: next.rule.call(from: range.start, to: range.end).keyArguments, as: UTF8.self).contains("filter"))
    #expect(narrow.asking(7, of: range, today: Self.today + 1, addingUp: false)?.buckets.count == 31)
  }

  @Test("of a range of which some days are known, the wider question is asked for the others alone")
  func missing() throws {
    let book = CostBook()
    let accounts = (0..<100).map { #"{"Keys":["\#($0)"],"Metrics":{"UnblendedCost":{"Amount":"1","Unit":"USD"}}}"# }.joined(separator: ",")
    let bucket = #"{"TimePeriod":{"Start":"2026-11-01","End":"2026-11-02"},"Total":{},"Groups":[\#(accounts)],"Estimated":false}"#
    let byAccount =
      #"{"operation":"getCostAndUsage","start_date":"2026-11-01","end_date":"2026-11-02","group_by":[{"Type":"DIMENSION","Key":"LINKED_ACCOUNT"}]}"#
    book.learn(try json(byAccount), try json(#"{"ResultsByTime":[\#(bucket)]}"#))
    let freshness = BucketFreshness(table: FreshnessTable(calendar: AWSBillingCalendar()), today: Self.today)
    let narrow = try Self.query(#""filter":\#(Self.leaf("LINKED_ACCOUNT", #""7""#))"#, start: "2026-11-01", end: "2026-11-20")
    let call = try requireValue(CostAndUsageBuckets.call(narrow, book, freshness: freshness))
    let ask = try #require(call.asking(missing: 15..<19, addingUp: false))
    #expect(ask.call.buckets == Array(call.buckets[15..<19]))
    #expect(String(decoding: ask.call.shape, as: UTF8.self).contains("group_by"))
    #expect(call.asking(missing: 3..<3, addingUp: false) == nil && call.asking(missing: 15..<20, addingUp: false) == nil)
  }

  @Test("what is asked over its whole window already has no wider form")
  func widest() throws {
    let narrow = CostAndUsageBuckets(query: try Self.query(#""metrics":["UnblendedCost"]"#, start: "2026-08-19", end: "2026-11-20"), book: CostBook())
    let own = narrow.asking(93, of: try Self.range("2026-08-19", "2026-11-20"), today: Self.today, addingUp: false)
    #expect(own == nil)
    let shorter = narrow.asking(9, of: try Self.range("2026-08-20", "2026-11-20"), today: Self.today, addingUp: false)
    #expect(shorter != nil)
  }

  @Test("what takes more pages than the question itself is not asked")
  func tooMuch() throws {
    let book = CostBook()
    let filter = Self.leaf("LINKED_ACCOUNT", #""a""#)
    let narrow = CostAndUsageBuckets(query: try Self.query(#""filter":\#(filter),"group_by":[{"Type":"DIMENSION","Key":"USAGE_TYPE"}]"#), book: book)
    let ask = narrow.asking(9, of: try Self.range("2026-11-01", "2026-11-10"), today: Self.today, addingUp: false)
    #expect(ask == nil)
  }

  @Test("windows reach back from today, by whole months where months are asked for")
  func windows() throws {
    func starts(_ granularity: CostPeriod.Granularity, _ start: String, _ end: String) throws -> [String] {
      CostWindow(granularity, around: try Self.range(start, end), today: Self.today).ranges.map { "\($0.start.text)/\($0.end.text)" }
    }
    #expect(try starts(.daily, "2026-11-13", "2026-11-20").last == "2026-11-06/2026-11-20")
    #expect(try starts(.daily, "2026-05-01", "2026-05-02") == Array(repeating: "2026-05-01/2026-11-20", count: 4))
    #expect(try starts(.daily, "2026-11-01", "2026-12-01").first == "2026-08-19/2026-12-01")
    #expect(try starts(.monthly, "2026-10-01", "2026-11-01").first == "2025-11-01/2026-11-20")
    #expect(try starts(.monthly, "2026-11-01", "2026-11-20").last == "2026-08-01/2026-11-20")
    // A part of a month that ends before today, or begins within a month, is a bucket of its own.
    #expect(try starts(.monthly, "2026-11-01", "2026-11-10").first == "2025-11-01/2026-11-10")
    #expect(try starts(.monthly, "2026-11-05", "2026-11-20").isEmpty)
  }
}
