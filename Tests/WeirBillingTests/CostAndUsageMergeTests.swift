import Testing
import WeirBilling
import WeirCore
import WeirJSON

@Suite("Questions to Cost Explorer that leave as one (issue 3)")
struct CostAndUsageMergeTests {
  static func call(_ arguments: String) throws -> MergeableCall {
    try requireValue(try CostQueryTests.policy(arguments).merging)
  }

  struct Counts {
    var merged = 0
    var members = 0
    var alone = 0
    var zeros = 0
  }

  @Test("what a member gets of a merged answer is what it would have got by itself, byte for byte", arguments: 0..<2)
  func exact(_ seed: UInt64) throws {
    var random = SeededRandom(seed &+ 40)
    var counts = Counts()
    for round in 0..<exactnessRounds {
      var server = CostServer(seed: seed * 1000 + UInt64(round), rows: 8 + random.below(30))
      if random.chance(15) { server.pageSize = 1 + random.below(20) }
      try Self.check(Self.batch(&random).map { $0.spelled(&random) }, server, &counts)
    }
    #expect(counts.merged > exactnessRounds / 2)
    #expect(counts.members > counts.merged * 2)
    // Paged answers, and usage that has no unit where there is none.
    #expect(counts.alone * 3 < counts.members)
    #expect(counts.zeros > exactnessRounds / 20)
  }

  /// As a lane does it: whatever is waiting and fits goes along.
  private static func check(_ batch: [String], _ server: CostServer, _ counts: inout Counts) throws {
    var waiting = batch
    while let head = waiting.first {
      waiting.removeFirst()
      var members = [head]
      var calls = [try call(head)]
      waiting.removeAll { arguments in
        guard let other = try? call(arguments), MergeableCall.merge(calls + [other], within: MergeLimits()) != nil else { return false }
        calls.append(other)
        members.append(arguments)
        return true
      }
      guard let merged = MergeableCall.merge(calls, within: MergeLimits()) else { continue }
      #expect(merged.members == members.count)
      for (one, other) in zip(calls, calls.dropFirst()) { #expect(one.canMerge(with: other) && other.canMerge(with: one)) }
      counts.merged += 1
      let answer = try JSONDocument(parsing: server.answer(try JSONDocument(parsing: merged.arguments).root)).root
      for (index, arguments) in members.enumerated() {
        counts.members += 1
        guard let part = merged.split(answer, for: index) else {
          counts.alone += 1
          continue
        }
        let direct = try server.answer(try json(arguments))
        if part != direct { Issue.record("\(arguments)\n\(String(decoding: part, as: UTF8.self))\n\(String(decoding: direct, as: UTF8.self))") }
        if String(decoding: part, as: UTF8.self).contains(#""Amount":"0""#) { counts.zeros += 1 }
      }
    }
  }

  /// Questions that are much alike: they differ in metrics, in ranges, in the value of a key, or in all of them.
  private static func batch(_ random: inout SeededRandom) -> [CostQuestion] {
    var base = CostQuestion.shape(&random)
    let key = random.pick(CostQuestion.keys)
    if random.chance(40) { base.filters = [CostQuestion.filter(&random, depth: 2)] }
    if random.chance(60) { base.groups.removeAll { $0 == key } }
    if random.chance(30), !base.groups.contains(key) { base.groups = Array((base.groups + [key]).suffix(2)) }
    let (metrics, days, values) = (random.chance(40), random.chance(40), random.chance(65))
    return (0..<(2 + random.below(11))).map { _ in
      var question = base
      if metrics { question.metrics = Array(CostServer.metrics.shuffled(using: &random).prefix(1 + random.below(3))) }
      if days { question.move(&random) }
      if values { question.filters.append(CostQuestion.leaf(key, &random, count: random.chance(85) ? 1 : nil)) }
      if random.chance(5) { question = CostQuestion.shape(&random) }
      return question
    }
  }

  private static func usage(_ members: String = "", start: String = "2026-10-01", end: String = "2026-11-01") -> String {
    #"{"operation":"getCostAndUsage","start_date":"\#(start)","end_date":"\#(end)"\#(members.isEmpty ? "" : "," + members)}"#
  }
  private static func filtered(_ filter: String, _ more: String = "") -> String { usage(#""filter":\#(filter)\#(more)"#) }
  private static func leaf(_ key: String, _ values: String, root: String = "Dimensions", _ more: String = "") -> String {
    #"{"\#(root)":{"Key":"\#(key)","Values":[\#(values)]\#(more)}}"#
  }
  private static let service = #","group_by":[{"Type":"DIMENSION","Key":"SERVICE"}]"#

  @Test(
    "what is not a part of one answer never leaves as one",
    arguments: [
      // Another group, granularity or view.
      (usage(), usage(#""group_by":[{"Type":"DIMENSION","Key":"SERVICE"}]"#)), (usage(), usage(#""granularity":"MONTHLY""#)),
      (usage(#""billing_view_arn":"a""#), usage(#""billing_view_arn":"b""#)), (usage(), usage(#""billing_view_arn":"b""#)),
      // Sums of values.
      (filtered(leaf("SERVICE", #""a","b""#)), filtered(leaf("SERVICE", #""c""#))),
      // Two keys, and keys that nothing is grouped by.
      (filtered(leaf("SERVICE", #""a""#)), filtered(leaf("REGION", #""b""#))), (filtered(leaf("SERVICE", #""a""#)), usage()),
      (filtered(leaf("BILLING_ENTITY", #""a""#)), filtered(leaf("BILLING_ENTITY", #""b""#))),
      (filtered(leaf("USAGE_TYPE_GROUP", #""a""#)), filtered(leaf("USAGE_TYPE_GROUP", #""b""#))),
      (filtered(leaf("RESOURCE_ID", #""a""#)), filtered(leaf("RESOURCE_ID", #""b""#))),
      // Under Or, under Not, and twice.
      (
        filtered(#"{"Or":[\#(leaf("SERVICE", #""a""#)),\#(leaf("REGION", #""x""#))]}"#),
        filtered(#"{"Or":[\#(leaf("SERVICE", #""b""#)),\#(leaf("REGION", #""x""#))]}"#)
      ),
      (filtered(#"{"Not":\#(leaf("SERVICE", #""a""#))}"#), filtered(#"{"Not":\#(leaf("SERVICE", #""b""#))}"#)),
      (
        filtered(#"{"And":[\#(leaf("SERVICE", #""a""#)),\#(leaf("SERVICE", #""a","b""#))]}"#),
        filtered(#"{"And":[\#(leaf("SERVICE", #""c""#)),\#(leaf("SERVICE", #""a","b""#))]}"#)
      ),
      (
        filtered(#"{"And":[\#(leaf("SERVICE", #""a""#)),{"Not":\#(leaf("SERVICE", #""z""#))}]}"#),
        filtered(#"{"And":[\#(leaf("SERVICE", #""b""#)),{"Not":\#(leaf("SERVICE", #""z""#))}]}"#)
      ),
      // Options, costs without the tag, and an empty value.
      (filtered(leaf("t", #""a""#, root: "Tags", #","MatchOptions":["STARTS_WITH"]"#)), filtered(leaf("t", #""b""#, root: "Tags"))),
      (filtered(#"{"Tags":{"Key":"t","MatchOptions":["ABSENT"]}}"#), filtered(leaf("t", #""b""#, root: "Tags"))),
      (filtered(#"{"Tags":{"Key":"t"}}"#), filtered(leaf("t", #""b""#, root: "Tags"))),
      (filtered(leaf("t", #""""#, root: "Tags")), filtered(leaf("t", #""b""#, root: "Tags"))),
      (filtered(leaf("t", #""a""#, root: "Tags")), filtered(leaf("t", #""a""#, root: "CostCategories"))),
      // Values that groups of values hold.
      (
        filtered(#"{"And":[\#(leaf("USAGE_TYPE", #""a""#)),\#(leaf("USAGE_TYPE_GROUP", #""g""#))]}"#),
        filtered(#"{"And":[\#(leaf("USAGE_TYPE", #""b""#)),\#(leaf("USAGE_TYPE_GROUP", #""g""#))]}"#)
      ),
      // A third group.
      (
        filtered(leaf("REGION", #""a""#), #","group_by":[{"Type":"DIMENSION","Key":"SERVICE"},{"Type":"TAG","Key":"t"}]"#),
        filtered(leaf("REGION", #""b""#), #","group_by":[{"Type":"DIMENSION","Key":"SERVICE"},{"Type":"TAG","Key":"t"}]"#)
      ),
      // Months that are cut within the union.
      (
        usage(#""granularity":"MONTHLY""#, start: "2026-09-01", end: "2026-10-15"), usage(#""granularity":"MONTHLY""#, start: "2026-10-01")
      ),
      (usage(#""granularity":"MONTHLY""#, start: "2026-09-01"), usage(#""granularity":"MONTHLY""#, start: "2026-09-10")),
      // Hours that are not kept that long.
      (
        usage(#""granularity":"HOURLY""#, start: "2026-11-01T00:00:00Z", end: "2026-11-01T05:00:00Z"),
        usage(#""granularity":"HOURLY""#, start: "2026-11-15T00:00:00Z", end: "2026-11-15T01:00:00Z")
      ),
    ])
  func never(_ left: String, _ right: String) throws {
    let (left, right) = (try Self.call(left), try Self.call(right))
    #expect(!left.canMerge(with: right) && !right.canMerge(with: left))
    #expect(MergeableCall.merge([left, right], within: MergeLimits()) == nil)
  }

  @Test(
    "what is a part of one answer leaves as one",
    arguments: [
      (usage(#""metrics":["UsageQuantity"]"#), usage(#""metrics":["UnblendedCost"]"#), #"["UnblendedCost","UsageQuantity"]"#),
      (usage(start: "2026-10-01", end: "2026-10-05"), usage(start: "2026-10-20", end: "2026-10-25"), "2026-10-25"),
      (
        usage(#""granularity":"MONTHLY""#, start: "2026-09-10"), usage(#""granularity":"MONTHLY""#, start: "2026-10-01", end: "2026-11-15"),
        "2026-11-15"
      ),
      (
        usage(#""granularity":"HOURLY""#, start: "2026-11-01T00:00:00Z", end: "2026-11-01T05:00:00Z"),
        usage(#""granularity":"HOURLY""#, start: "2026-11-14T00:00:00Z", end: "2026-11-14T01:00:00Z"), "2026-11-14T01:00:00Z"
      ),
      (filtered(leaf("LINKED_ACCOUNT", #""b""#)), filtered(leaf("LINKED_ACCOUNT", #""a""#)), #"["a","b"]"#),
      (
        usage(#""filter":\#(leaf("REGION", #""b""#))\#(service)"#, end: "2026-10-11"),
        usage(#""filter":\#(leaf("REGION", #""a""#))\#(service)"#, end: "2026-10-11"), #"{"Key":"SERVICE","Type":"DIMENSION"}"#
      ),
      (filtered(leaf("SERVICE", #""b","c""#), service), filtered(leaf("SERVICE", #""a","b""#), service), #"["a","b","c"]"#),
      (filtered(leaf("t", #""b""#, root: "Tags")), filtered(leaf("t", #""a$""#, root: "Tags")), #"{"Key":"t","Type":"TAG"}"#),
      (
        filtered(#"{"And":[\#(leaf("SERVICE", #""a""#)),{"Not":\#(leaf("RECORD_TYPE", #""Tax""#))}]}"#),
        filtered(#"{"And":[{"Not":\#(leaf("RECORD_TYPE", #""Tax""#))},\#(leaf("SERVICE", #""b""#))]}"#), #"["a","b"]"#
      ),
    ])
  func always(_ left: String, _ right: String, _ expected: String) throws {
    let merged = try #require(MergeableCall.merge([try Self.call(left), try Self.call(right)], within: MergeLimits()))
    let key = String(decoding: try CostQueryTests.policy(String(decoding: merged.arguments, as: UTF8.self)).keyArguments, as: UTF8.self)
    #expect(key.contains(expected), "\(key)")
  }

  @Test("a merged question stays within its limits, and on one page")
  func limits() throws {
    // 25 services on each of four days, as far as anybody knows.
    let accounts = try (0..<9).map { number in
      try Self.call(Self.usage(#""filter":\#(Self.leaf("LINKED_ACCOUNT", #""\#(number)""#))\#(Self.service)"#, end: "2026-10-05"))
    }
    #expect(MergeableCall.merge(Array(accounts.prefix(8)), within: MergeLimits()) != nil)
    #expect(MergeableCall.merge(accounts, within: MergeLimits()) == nil)
    #expect(MergeableCall.merge(Array(accounts.prefix(8)), within: MergeLimits(rows: 799)) == nil)
    #expect(MergeableCall.merge(Array(accounts.prefix(8)), within: MergeLimits(values: 7)) == nil)
    #expect(MergeableCall.merge(Array(accounts.prefix(8)), within: MergeLimits(members: 7)) == nil)
    // Four months between two short ranges.
    let far = try ["2026-05-01", "2026-10-01"].map { start in
      try Self.call(Self.usage(#""group_by":[{"Type":"DIMENSION","Key":"SERVICE"}]"#, start: start, end: start.dropLast() + "2"))
    }
    #expect(MergeableCall.merge(far, within: MergeLimits()) == nil)
  }

  @Test(
    "an answer of another form is nobody's",
    arguments: [
      (#""isError":false"#, #""isError":true"#), (#"\"status\":\"success\""#, #"\"status\": \"success\""#),
      (#""status":"success","#, #""status":"error","#),
      (#""data":{"#, #""data":{"data_stored":true,"#), (#""data":{"#, #""data":{"NextPageToken":"x","#),
      (#""Total":{}"#, #""Total":{"UnblendedCost":{}}"#),
      (#""Key":"LINKED_ACCOUNT""#, #""Key":"REGION""#), (#""Estimated":"#, #""Estimate":"#), (#""Start":"2026-11-21""#, #""Start":"2026-11-20""#),
      (#""Keys":["111111111111"]"#, #""Keys":["999999999999"]"#), (#""Amount":"#, #""Amounts":"#), (#""Unit":"USD""#, #""Unit":null"#),
      (#""Groups":["#, #""Groups":[1,"#),
    ])
  func strange(_ old: String, _ new: String) throws {
    let calls = try ["111111111111", "222222222222"].map { account in
      try Self.call(
        #"{"operation":"getCostAndUsage","start_date":"2026-11-20","end_date":"2026-11-23","filter":\#(Self.leaf("LINKED_ACCOUNT", "\"\(account)\""))}"#
      )
    }
    let merged = try #require(MergeableCall.merge(calls, within: MergeLimits()))
    let text = String(decoding: try CostServer(seed: 5).answer(try JSONDocument(parsing: merged.arguments).root), as: UTF8.self)
    #expect(merged.split(try json(text), for: 0) != nil)
    // In the structured content and in the text, so that both still say the same.
    let quoted = { (text: String) in text.replacing(#"""#, with: #"\""#) }
    let changed = text.replacing(old, with: new).replacing(quoted(old), with: quoted(new))
    #expect(changed != text)
    #expect(merged.split(try json(changed), for: 0) == nil)
  }

  @Test(
    "the other values that groups have been seen for are neighbours of a question about one, those asked about most first",
    arguments: [
      (leaf("SERVICE", #""s""#), #","group_by":[{"Type":"DIMENSION","Key":"LINKED_ACCOUNT"}]"#, ["u", "t"]),
      (leaf("SERVICE", #""u""#), "", ["s", "t"]),
      // Grouped by already: any values.
      (leaf("SERVICE", #""s","u""#), #","group_by":[{"Type":"DIMENSION","Key":"SERVICE"},{"Type":"DIMENSION","Key":"REGION"}]"#, ["t"]),
      // No room for a group, several values of a key that is not grouped by, and a key that nobody has seen.
      (leaf("SERVICE", #""s""#), #","group_by":[{"Type":"DIMENSION","Key":"AZ"},{"Type":"DIMENSION","Key":"REGION"}]"#, []),
      (leaf("SERVICE", #""s","u""#), "", []), (leaf("REGION", #""r""#), "", []),
    ])
  func neighbours(_ filter: String, _ more: String, _ expected: [String]) throws {
    let pack = AWSBillingPack()
    let today = CivilDate(year: 2026, month: 11, day: 23)
    func call(_ arguments: String) throws -> MergeableCall {
      try requireValue(try pack.policy(tool: "cost-explorer", arguments: json(arguments), today: today).merging)
    }
    let groups = ["s", "t", "u"].map { #"{"Keys":["\#($0)"],"Metrics":{"UnblendedCost":{"Amount":"1","Unit":"USD"}}}"# }.joined(separator: ",")
    let bucket = #"{"TimePeriod":{"Start":"2026-10-01","End":"2026-11-01"},"Total":{},"Groups":[\#(groups)],"Estimated":false}"#
    pack.learn(
      tool: "cost-explorer", arguments: try json(Self.usage(#""granularity":"MONTHLY","group_by":[{"Type":"DIMENSION","Key":"SERVICE"}]"#)),
      result: try result(#"{"status":"success","data":{"ResultsByTime":[\#(bucket)]}}"#))
    for value in ["u", "s", "u"] { try call(Self.filtered(Self.leaf("SERVICE", "\"\(value)\""))).note() }
    let asked = try call(Self.filtered(filter, more))
    let found = try asked.neighbours(on: today).compactMap { arguments in
      let filter = try JSONDocument(parsing: arguments).root["filter"]?.string
      return try filter.flatMap { try json($0)["Dimensions"]?["Values"]?[0]?.string }
    }
    #expect(found == expected)
    asked.refuseNeighbours(on: today)
    #expect(asked.neighbours(on: today).isEmpty)
    #expect(asked.neighbours(on: today + 1).count == expected.count)
  }
}
