import Testing
import WeirBilling
import WeirCore
import WeirJSON

@Suite("Answers of Cost Explorer by days and months (issue 3)")
struct CostAndUsageBucketsTests {
  private static func parsed(_ bytes: [UInt8]) throws -> JSONValue {
    try JSONDocument(parsing: bytes, limits: JSONLimits(maxBytes: 64 << 20, maxMembers: 4_000_000)).root
  }

  @Test("an answer is cut into those of its buckets, and put together from them, wherever each came from, byte for byte", arguments: 0..<2)
  func exact(_ seed: UInt64) throws {
    var random = SeededRandom(seed &+ 90)
    var (cuts, joins) = (0, 0)
    for round in 0..<exactnessRounds * 2 {
      let server = CostServer(seed: seed * 1000 + UInt64(round), rows: 4 + random.below(16))
      var question = CostQuestion.any(&random)
      if question.granularity == "HOURLY" { question.granularity = "DAILY" }
      question.move(&random)
      let arguments = question.spelled(&random)
      let call = try #require(try CostQueryTests.policy(arguments).buckets)
      let direct = try server.answer(try json(arguments))
      let all = call.buckets.indices
      let pieces = try #require(call.cut(try Self.parsed(direct), of: all))
      // Each holds its own memory alone.
      #expect(pieces.allSatisfy { $0.result.capacity < 2 * $0.result.count + 64 })
      for index in all {
        cuts += 1
        let part = try #require(call.call(for: index..<index + 1))
        #expect(pieces[index].result == (try server.answer(try Self.parsed(part.sentArguments))))
        #expect(part.keyArguments == (try CostQueryTests.policy(String(decoding: part.sentArguments, as: UTF8.self)).keyArguments))
      }
      #expect(call.join(try pieces.map { try Self.parsed($0.result) }) == direct)
      // Of the answers of two ranges, as they would have been asked.
      let middle = 1 + random.below(all.count)
      let halves = try [0..<middle, middle..<all.count].filter { !$0.isEmpty }.flatMap { range in
        let part = try #require(call.call(for: range))
        return try #require(call.cut(try Self.parsed(try server.answer(try Self.parsed(part.sentArguments))), of: range))
      }
      joins += 1
      #expect(call.join(try halves.map { try Self.parsed($0.result) }) == direct)
    }
    #expect(joins > exactnessRounds && cuts > joins)
  }

  @Test(
    "the real server's answers are cut and put together",
    arguments: ["billing-cost-open-month", "billing-cost-grouped", "billing-cost-total", "billing-cost-empty"])
  func recorded(_ name: String) throws {
    let recording = try RecordedCall(name)
    guard case .answer(let bytes?, _, _) = recording.examined(by: AWSBillingPack()) else { throw Missing() }
    let arguments = try requireValue(recording.arguments)
    let call = try #require(try CostQueryTests.policy(String(decoding: arguments.raw, as: UTF8.self)).buckets)
    let pieces = try #require(call.cut(try Self.parsed(bytes), of: call.buckets.indices))
    #expect(call.join(try pieces.map { try Self.parsed($0.result) }) == bytes)
    #expect(pieces.allSatisfy { $0.isEstimated == (name == "billing-cost-open-month") })
    #expect(pieces.allSatisfy { $0.isEmpty == (name == "billing-cost-empty") })
  }

  @Test(
    "pages and other answers are not cut",
    arguments: ["billing-cost-next-page", "billing-cost-max-pages", "billing-data-stored", "billing-throttled"])
  func notCut(_ name: String) throws {
    let recording = try RecordedCall(name)
    let arguments =
      #"{"operation":"getCostAndUsage","start_date":"2026-10-01","end_date":"2026-11-01","granularity":"MONTHLY","group_by":[{"Type":"DIMENSION","Key":"SERVICE"}]}"#
    let call = try #require(try CostQueryTests.policy(arguments).buckets)
    #expect(call.cut(recording.result, of: call.buckets.indices) == nil)
  }

  private static func usage(_ members: String) -> String { #"{"operation":"getCostAndUsage",\#(members)}"# }

  @Test("days are buckets, and months; a part of a month is a bucket of its own, and hours are none")
  func which() throws {
    func buckets(_ members: String) throws -> [String]? {
      try CostQueryTests.policy(Self.usage(members)).buckets?.buckets.map { "\($0.start.text)/\($0.end.text)" }
    }
    #expect(try buckets(#""start_date":"2028-02-28","end_date":"2028-03-01""#) == ["2028-02-28/2028-02-29", "2028-02-29/2028-03-01"])
    let months = #""granularity":"MONTHLY","start_date""#
    #expect(try buckets(#"\#(months):"2026-12-01","end_date":"2027-02-01""#) == ["2026-12-01/2027-01-01", "2027-01-01/2027-02-01"])
    #expect(try buckets(#"\#(months):"2026-12-02","end_date":"2027-02-01""#) == ["2026-12-02/2027-01-01", "2027-01-01/2027-02-01"])
    #expect(try buckets(#"\#(months):"2026-12-01","end_date":"2027-01-31""#) == ["2026-12-01/2027-01-01", "2027-01-01/2027-01-31"])
    #expect(try buckets(#"\#(months):"2026-12-05","end_date":"2026-12-09""#) == ["2026-12-05/2026-12-09"])
    #expect(try buckets(#""granularity":"HOURLY","start_date":"2026-11-01T00:00:00Z","end_date":"2026-11-02T00:00:00Z""#) == nil)
  }

  @Test("questions that differ in their range alone have one shape, and their calls merge")
  func shape() throws {
    let days = #""group_by":[{"Type":"DIMENSION","Key":"SERVICE"}],"start_date":"2026-10-01","end_date""#
    let (one, other) = (
      try CostQueryTests.policy(Self.usage(#"\#(days):"2026-10-03""#)), try CostQueryTests.policy(Self.usage(#"\#(days):"2026-10-09""#))
    )
    #expect(one.buckets?.shape == other.buckets?.shape)
    #expect(one.buckets?.shape != (try CostQueryTests.policy(Self.usage(#""end_date":"2026-10-09""#)).buckets?.shape))
    let (first, second) = (try #require(one.buckets?.call(for: 0..<1)?.merging), try #require(other.merging))
    #expect(first.canMerge(with: second))
    #expect(one.buckets?.call(for: 0..<2)?.keyArguments == one.keyArguments)
    #expect(one.buckets?.requests(for: 0..<2) == 1)
  }

  @Test("buckets that do not follow each other, or are not of one question, are not put together")
  func misfits() throws {
    let server = CostServer(seed: 9)
    let days = #""group_by":[{"Type":"DIMENSION","Key":"LINKED_ACCOUNT"}],"start_date":"2026-10-01","end_date":"2026-10-04""#
    let call = try #require(try CostQueryTests.policy(Self.usage(days)).buckets)
    let parts = try (0..<3).map { index in
      try Self.parsed(try server.answer(try Self.parsed(try #require(call.call(for: index..<index + 1)).sentArguments)))
    }
    #expect(call.join(parts) != nil)
    #expect(call.join([parts[0], parts[2], parts[1]]) == nil)
    #expect(call.join([parts[0], parts[1]]) == nil)
    #expect(call.join([parts[0], parts[1], parts[1]]) == nil)
    let other = Self.usage(#""start_date":"2026-10-03","end_date":"2026-10-04""#)
    #expect(call.join([parts[0], parts[1], try Self.parsed(try server.answer(try json(other)))]) == nil)
    // The same account under another name: which one the whole answer would say is not known.
    let renamed = String(decoding: parts[2].raw, as: UTF8.self).replacing("name of", with: "account")
    #expect(call.join([parts[0], parts[1], try json(renamed)]) == nil)
  }
}
