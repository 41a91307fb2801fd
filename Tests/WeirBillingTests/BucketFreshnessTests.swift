import Testing
import WeirBilling
import WeirCore
import WeirJSON

@Suite("How long one time bucket lives (issue 3)")
struct BucketFreshnessTests {
  func freshness(_ bucket: TimeBucket, today: String, estimated: Bool = false, empty: Bool = false, rule: Freshness? = nil) -> Freshness {
    BucketFreshness(table: FreshnessTable(calendar: AWSBillingCalendar()), today: day(today), rule: rule)
      .freshness(of: bucket, isEstimated: estimated, isEmpty: empty)
  }

  @Test(
    "a bucket lives by its own days, not by those of the range around it",
    arguments: [
      ("2026-11-23", range("2026-10-31", "2026-11-01"), AWSBillingCalendar.closed),
      ("2026-11-09", range("2026-10-31", "2026-11-01"), AWSBillingCalendar.closing),
      ("2026-11-23", range("2026-11-20", "2026-11-21"), AWSBillingCalendar.openSettled),
      ("2026-11-23", range("2026-11-21", "2026-11-22"), AWSBillingCalendar.open),
      ("2026-11-23", range("2026-11-24", "2026-11-25"), AWSBillingCalendar.forecast),
      // Months: closed, closing, and the running one with days of every kind.
      ("2026-11-23", range("2026-10-01", "2026-11-01"), AWSBillingCalendar.closed),
      ("2026-11-09", range("2026-10-01", "2026-11-01"), AWSBillingCalendar.closing),
      ("2026-11-23", range("2026-11-01", "2026-12-01"), AWSBillingCalendar.open),
      ("2024-03-09", range("2024-02-01", "2024-03-01"), AWSBillingCalendar.closing),
      ("2024-03-10", range("2024-02-01", "2024-03-01"), AWSBillingCalendar.closed),
    ])
  func days(_ today: String, _ bucket: TimeBucket, _ expected: Freshness) {
    #expect(freshness(bucket, today: today) == expected)
  }

  @Test("numbers that the provider calls estimated live as long as those of the running month at most, however old they are")
  func estimated() {
    #expect(freshness(range("2026-01-01", "2026-01-02"), today: "2026-11-23", estimated: true) == AWSBillingCalendar.openSettled)
    #expect(freshness(range("2026-10-01", "2026-11-01"), today: "2026-11-23", estimated: true) == AWSBillingCalendar.openSettled)
    #expect(freshness(range("2026-10-01", "2026-11-01"), today: "2026-11-02", estimated: true) == AWSBillingCalendar.open)
    #expect(freshness(range("2026-11-20", "2026-11-21"), today: "2026-11-23", estimated: true) == AWSBillingCalendar.openSettled)
    #expect(freshness(range("2026-11-21", "2026-11-22"), today: "2026-11-23", estimated: true) == AWSBillingCalendar.open)
    #expect(freshness(range("2026-11-23", "2026-11-24"), today: "2026-11-23", estimated: true) == AWSBillingCalendar.open)
  }

  @Test(
    "an empty bucket is kept briefly until its last day has settled, and is a final zero after that",
    arguments: [
      ("2026-11-23", range("2026-11-20", "2026-11-21"), AWSBillingCalendar.openSettled),
      ("2026-11-23", range("2026-11-21", "2026-11-22"), AWSBillingCalendar.empty),
      ("2026-11-23", range("2026-11-23", "2026-11-24"), AWSBillingCalendar.empty),
      ("2026-11-23", range("2026-11-30", "2026-12-01"), AWSBillingCalendar.empty),
      ("2026-11-23", range("2026-12-01", "2027-01-01"), AWSBillingCalendar.empty),
      ("2026-11-23", range("2026-11-01", "2026-12-01"), AWSBillingCalendar.empty),
      // Over the end of a month, and of February.
      ("2026-12-02", range("2026-11-30", "2026-12-01"), AWSBillingCalendar.empty),
      ("2026-12-03", range("2026-11-30", "2026-12-01"), AWSBillingCalendar.closing),
      ("2026-12-02", range("2026-11-01", "2026-12-01"), AWSBillingCalendar.empty),
      ("2026-12-03", range("2026-11-01", "2026-12-01"), AWSBillingCalendar.closing),
      ("2024-03-02", range("2024-02-29", "2024-03-01"), AWSBillingCalendar.empty),
      ("2024-03-03", range("2024-02-29", "2024-03-01"), AWSBillingCalendar.closing),
      ("2026-11-23", range("2026-08-01", "2026-09-01"), AWSBillingCalendar.closed),
    ])
  func empty(_ today: String, _ bucket: TimeBucket, _ expected: Freshness) {
    #expect(freshness(bucket, today: today, empty: true) == expected)
  }

  @Test("an empty bucket is no final zero where the whole answer is empty, and one with rows is not touched by that")
  func emptyAnswer() {
    let table = FreshnessTable(calendar: AWSBillingCalendar())
    let freshness = BucketFreshness(table: table, today: day("2026-11-23"))
    let august = range("2026-08-01", "2026-09-01")
    #expect(freshness.freshness(of: august, isEstimated: false, isEmpty: true, hasRowsBeside: false) == AWSBillingCalendar.empty)
    #expect(freshness.freshness(of: august, isEstimated: false, isEmpty: false, hasRowsBeside: false) == AWSBillingCalendar.closed)
  }

  @Test("both together live the shorter time")
  func both() {
    #expect(freshness(range("2026-11-22", "2026-11-23"), today: "2026-11-23", estimated: true, empty: true) == AWSBillingCalendar.empty)
    #expect(freshness(range("2026-11-01", "2026-11-02"), today: "2026-11-23", estimated: true, empty: true) == AWSBillingCalendar.openSettled)
    #expect(freshness(range("2026-11-21", "2026-11-22"), today: "2026-11-23", estimated: true, empty: true) == AWSBillingCalendar.empty)
  }

  @Test("a rule of the operator stands for the calendar; what an answer says still shortens it")
  func rules() {
    let rule = Freshness(fresh: .days(2), stale: .days(4))
    #expect(freshness(range("2026-11-23", "2026-11-24"), today: "2026-11-23", rule: rule) == rule)
    #expect(freshness(range("2020-01-01", "2020-02-01"), today: "2026-11-23", rule: rule) == rule)
    #expect(freshness(range("2020-01-01", "2020-02-01"), today: "2026-11-23", empty: true, rule: rule) == rule)
    #expect(freshness(range("2026-11-23", "2026-11-24"), today: "2026-11-23", estimated: true, rule: rule) == AWSBillingCalendar.open)
    #expect(freshness(range("2026-11-23", "2026-11-24"), today: "2026-11-23", empty: true, rule: rule) == AWSBillingCalendar.empty)
    let short = Freshness(fresh: .minutes(1), stale: .zero)
    #expect(freshness(range("2026-11-23", "2026-11-24"), today: "2026-11-23", estimated: true, empty: true, rule: short) == short)
  }
}

@Suite("Freshness of a call, through the upstream's policy (issue 3)")
struct CallFreshnessTests {
  static func time(_ date: String, _ milliseconds: Int64) -> WallTime {
    WallTime(milliseconds: day(date).start.milliseconds + milliseconds)
  }
  static let lastMillisecond: Int64 = 86_399_999

  func caching(_ policy: UpstreamPolicy, _ arguments: String, now: WallTime, tool: Name = "cost-explorer") throws -> CallPolicy {
    let tool = ToolDefinition(name: tool, json: Array("{}".utf8), readOnlyHint: false, digest: [1])
    return policy.policy(tool: tool, arguments: try json(arguments), now: now)
  }

  static func costs(_ start: String, _ end: String) -> String {
    #"{"operation":"getCostAndUsage","start_date":"\#(start)","end_date":"\#(end)"}"#
  }

  @Test(
    "the day changes at midnight UTC and not a millisecond sooner",
    arguments: [
      // October closes on the 10th.
      (costs("2026-10-01", "2026-11-01"), time("2026-11-09", lastMillisecond), AWSBillingCalendar.closing),
      (costs("2026-10-01", "2026-11-01"), time("2026-11-10", 0), AWSBillingCalendar.closed),
      // A day settles.
      (costs("2026-11-12", "2026-11-13"), time("2026-11-14", lastMillisecond), AWSBillingCalendar.open),
      (costs("2026-11-12", "2026-11-13"), time("2026-11-15", 0), AWSBillingCalendar.openSettled),
      // The open month begins to close, at the end of a year and of a leap February.
      (costs("2026-12-31", "2027-01-01"), time("2026-12-31", lastMillisecond), AWSBillingCalendar.open),
      (costs("2026-12-31", "2027-01-01"), time("2027-01-01", 0), AWSBillingCalendar.closing),
      (costs("2028-02-29", "2028-03-01"), time("2028-02-28", lastMillisecond), AWSBillingCalendar.forecast),
      (costs("2028-02-29", "2028-03-01"), time("2028-02-29", 0), AWSBillingCalendar.open),
      (costs("2028-02-29", "2028-03-01"), time("2028-02-29", lastMillisecond), AWSBillingCalendar.open),
      (costs("2028-02-29", "2028-03-01"), time("2028-03-01", 0), AWSBillingCalendar.closing),
    ])
  func midnight(_ arguments: String, _ now: WallTime, _ expected: Freshness) throws {
    #expect(try caching(UpstreamPolicy(pack: AWSBillingPack()), arguments, now: now).freshness == expected)
  }

  @Test("an override reaches every tool that has the class, and a rule goes before it")
  func overrides() throws {
    let overrides: [FreshnessClass: FreshnessOverride] = [
      .closed: .init(fresh: .hours(1), stale: .zero), .lists: .init(fresh: .hours(2), stale: .zero), .alerts: .init(fresh: .minutes(3), stale: .zero),
    ]
    let now = Self.time("2026-11-23", 0)
    let plain = UpstreamPolicy(pack: AWSBillingPack(), overrides: overrides)
    #expect(try caching(plain, Self.costs("2026-08-01", "2026-09-01"), now: now).freshness?.fresh == .hours(1))
    // Its newest days are open, its oldest closed: the override is the shortest of them.
    #expect(try caching(plain, Self.costs("2026-08-01", "2026-11-24"), now: now).freshness?.fresh == .hours(1))
    #expect(try caching(plain, Self.costs("2026-11-01", "2026-11-24"), now: now).freshness == AWSBillingCalendar.open)
    #expect(try caching(plain, #"{"operation":"getTagsOrValues"}"#, now: now).freshness?.fresh == .hours(2))
    #expect(try caching(plain, "{}", now: now, tool: "budgets").freshness?.fresh == .minutes(3))
    let rule = CacheRule(tool: "cost-*", freshness: Freshness(fresh: .days(1), stale: .days(1)))
    let ruled = UpstreamPolicy(rules: [rule], pack: AWSBillingPack(), overrides: overrides)
    #expect(try caching(ruled, Self.costs("2026-08-01", "2026-09-01"), now: now).freshness == rule.freshness)
    #expect(try caching(ruled, "{}", now: now, tool: "budgets").freshness?.fresh == .minutes(3))
  }

  @Test("the buckets of a call live by the overridden table, or by the rule for its tool")
  func buckets() throws {
    let overrides: [FreshnessClass: FreshnessOverride] = [.closed: .init(fresh: .hours(1), stale: .zero)]
    let rule = CacheRule(tool: "cost-*", freshness: Freshness(fresh: .days(1), stale: .days(2)))
    let now = Self.time("2026-11-23", Self.lastMillisecond)
    func found(_ policy: UpstreamPolicy) throws -> [Freshness] {
      let arguments = #"{"operation":"getCostAndUsage","granularity":"MONTHLY","start_date":"2026-09-01","end_date":"2026-12-01"}"#
      let call = try #require(try caching(policy, arguments, now: now).buckets)
      return call.buckets.map { call.freshness(of: BucketAnswer(result: [], isEstimated: false, isEmpty: false), in: $0) }
    }
    let short = Freshness(fresh: .hours(1), stale: .zero)
    #expect(try found(UpstreamPolicy(pack: AWSBillingPack(), overrides: overrides)) == [short, short, AWSBillingCalendar.forecast])
    #expect(
      try found(UpstreamPolicy(pack: AWSBillingPack()))
        == [AWSBillingCalendar.closed, AWSBillingCalendar.closed, AWSBillingCalendar.forecast])
    #expect(
      try found(UpstreamPolicy(rules: [rule], pack: AWSBillingPack(), overrides: overrides))
        == Array(repeating: try #require(rule.freshness), count: 3))
  }

  @Test("the start of a comparison's months counts too")
  func comparisons() throws {
    let policy = UpstreamPolicy(pack: AWSBillingPack(), overrides: [.closed: .init(fresh: .hours(1), stale: .zero)])
    let arguments = #"{"operation":"getCostAndUsageComparisons","baseline_end_date":"2026-09-01","comparison_end_date":"2026-11-01"}"#
    let found = try caching(policy, arguments, now: Self.time("2026-11-05", 0), tool: "cost-comparison").freshness
    #expect(found == Freshness(fresh: .hours(1), stale: .zero))
    // All days of the running month count, not the last one alone.
    let settled = UpstreamPolicy(pack: AWSBillingPack(), overrides: [.openSettled: .init(fresh: .hours(1), stale: .zero)])
    let running = arguments.replacing("2026-11-01", with: "2026-12-01")
    #expect(try caching(settled, running, now: Self.time("2026-11-23", 0), tool: "cost-comparison").freshness?.fresh == .hours(1))
    #expect(try caching(settled, running, now: Self.time("2026-11-02", 0), tool: "cost-comparison").freshness == AWSBillingCalendar.forecast)
  }

  @Test("what answers say of themselves is capped by the overridden table")
  func caps() throws {
    let policy = UpstreamPolicy(
      pack: AWSBillingPack(), overrides: [.empty: .init(fresh: .minutes(1), stale: .zero), .open: .init(fresh: .hours(2), stale: .hours(1))])
    func cap(_ rows: String) throws -> Freshness? {
      let result = try result(#"{"status":"success","data":{"ResultsByTime":[\#(rows)]}}"#)
      let arguments = try json(Self.costs("2026-01-01", "2026-02-01"))
      guard case .answer(_, let cap, _) = policy.examine(tool: "cost-explorer", arguments: arguments, result: result, isError: false) else {
        throw Missing()
      }
      return cap
    }
    #expect(try cap("") == Freshness(fresh: .minutes(1), stale: .zero))
    #expect(try cap(#"{"Estimated":true,"Total":{"a":1}}"#) == Freshness(fresh: .hours(2), stale: .hours(1)))
    #expect(try cap(#"{"Estimated":false,"Total":{"a":1}}"#) == nil)
  }

  @Test("what is said of a tool has the overridden numbers")
  func descriptions() {
    let policy = UpstreamPolicy(pack: AWSBillingPack(), overrides: [.alerts: .init(fresh: .minutes(5))])
    let tool = ToolDefinition(name: "budgets", json: Array("{}".utf8), readOnlyHint: false, digest: [1])
    #expect(policy.describe(tool) == "cached: 5 min and 475 min stale")
  }
}
