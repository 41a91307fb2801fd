import Testing
import WeirCore
import WeirPipeline
import WeirTestSupport

@Suite("What calls cost and saved, by month (issue 3)")
struct UsageLedgerTests {
  static let november = UsageMonth(WallTime(milliseconds: 1_795_392_000_000))
  static let december = UsageMonth(november.end)

  func key(_ tool: Name, tenant: Name = "finance") -> UsageKey {
    UsageKey(tenant: tenant, upstream: "aws", provider: "aws-cost-explorer", tool: tool)
  }

  func wall(_ day: String, _ time: Duration = .zero) throws -> WallTime { try #require(CivilDate(day.utf8)).start + time }

  // MARK: Months

  @Test(
    "a month is in UTC and ends with its last millisecond",
    arguments: [
      (0, "1970-01"), (-1, "1969-12"), (1_796_083_199_999, "2026-11"), (1_796_083_200_000, "2026-12"), (1_709_251_199_999, "2024-02"),
      (1_709_251_200_000, "2024-03"), (1_798_761_599_999, "2026-12"), (1_798_761_600_000, "2027-01"),
    ])
  func months(_ milliseconds: Int64, _ name: String) {
    let month = UsageMonth(WallTime(milliseconds: milliseconds))
    #expect(month.description == name)
    #expect(UsageMonth(name.utf8) == month)
    #expect(month.start.milliseconds <= milliseconds && milliseconds < month.end.milliseconds)
  }

  @Test("what is no month is none", arguments: ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "2026/11", "+026-11", "２０２６-11"])
  func noMonths(_ text: String) {
    #expect(UsageMonth(text.utf8) == nil)
  }

  @Test("a call counts in the month in which it is answered, and a new month begins empty")
  func rollover() throws {
    let time = ManualTime(wall: try wall("2026-11-30", .seconds(86400) - .milliseconds(1)))
    let ledger = UsageLedger(time: time)
    ledger.record(key("a"), outcome: .miss)
    time.advance(by: .milliseconds(1))
    #expect(ledger.usage(of: Self.december)?.rows.isEmpty == true)
    ledger.record(key("a"), outcome: .hitMemory, saving: Saving(requests: 1, cost: MicroUSD(10_000)))
    let november = try #require(ledger.usage(of: Self.november))
    let december = try #require(ledger.usage(of: Self.december))
    #expect(november.total.calls(.miss) == 1)
    #expect(november.total.allCalls == 1)
    #expect(december.total.calls(.hitMemory) == 1)
    #expect(december.total.allCalls == 1)
    #expect(november.since == (try wall("2026-11-30", .seconds(86400) - .milliseconds(1))))
    #expect(december.since == (try wall("2026-12-01")))
    #expect(ledger.months == [Self.november, Self.december])
  }

  @Test("a clock that is set back counts in the month that it says, and loses nothing")
  func clockSetBack() throws {
    let time = ManualTime(wall: try wall("2026-12-01", .seconds(3600)))
    let ledger = UsageLedger(time: time)
    ledger.record(key("a"), outcome: .miss)
    time.advance(by: .seconds(-7200))
    ledger.record(key("a"), outcome: .miss)
    time.advance(by: .seconds(7200))
    ledger.record(key("a"), outcome: .miss)
    #expect(ledger.usage(of: Self.november)?.total.allCalls == 1)
    #expect(ledger.usage(of: Self.december)?.total.allCalls == 2)
  }

  @Test("the running month is there before the first call, others are not")
  func empty() throws {
    let ledger = UsageLedger(time: ManualTime(wall: try wall("2026-11-23", .seconds(28800))))
    let usage = try #require(ledger.usage(of: Self.november))
    #expect(usage.total == UsageTally())
    #expect(usage.since == (try wall("2026-11-23", .seconds(28800))))
    #expect(ledger.usage(of: Self.december) == nil)
  }

  @Test("thirteen months are kept, the oldest goes first")
  func thirteen() throws {
    let time = ManualTime(wall: try wall("2025-01-15"))
    let ledger = UsageLedger(time: time)
    for _ in 0..<30 {
      ledger.record(key("a"), outcome: .miss)
      time.advance(by: UsageMonth(time.wall()).end - time.wall())
    }
    ledger.record(key("a"), outcome: .miss)
    #expect(ledger.months.count == 13)
    #expect(ledger.months.last?.description == "2027-07")
    #expect(ledger.months.first?.description == "2026-07")
  }

  // MARK: Numbers

  @Test("what is saved stands under the kind of the outcome", arguments: CallOutcome.allCases)
  func kinds(_ outcome: CallOutcome) throws {
    let ledger = UsageLedger(time: ManualTime())
    ledger.record(key("a"), outcome: outcome, saving: Saving(requests: 3, cost: MicroUSD(30_000)))
    let tally = try #require(ledger.usage(of: ledger.currentMonth)?.rows[key("a")])
    for other in CallOutcome.allCases { #expect(tally.calls(other) == (other == outcome ? 1 : 0)) }
    let expected: SavingKind? =
      switch outcome {
      case .hitMemory, .hitRedis, .stale: .hit
      case .coalesced: .coalesced
      case .merged: .merged
      case .buckets: .buckets
      case .miss, .bypass, .refused, .error: nil
      }
    for kind in SavingKind.allCases { #expect(tally.saved(by: kind).requests == (kind == expected ? 3 : 0), "\(kind)") }
    #expect(tally.allSaved.cost == MicroUSD(expected == nil ? 0 : 30_000))
    #expect(tally.requestsSent == 0)
  }

  @Test("requests and money that were spent are apart from what was saved")
  func spent() throws {
    let ledger = UsageLedger(time: ManualTime())
    ledger.sent(key("a"), requests: 3, cost: MicroUSD(30_000))
    ledger.sent(key("a"), requests: 1, cost: .zero)
    ledger.save(key("a"), Saving(requests: 2, cost: MicroUSD(20_000)), by: .buckets)
    let tally = try #require(ledger.usage(of: ledger.currentMonth)?.rows[key("a")])
    #expect(tally.requestsSent == 4)
    #expect(tally.spent == MicroUSD(30_000))
    #expect(tally.saved(by: .buckets) == Saving(requests: 2, cost: MicroUSD(20_000)))
    #expect(tally.allCalls == 0)
  }

  @Test("numbers saturate instead of overflowing")
  func saturation() throws {
    let ledger = UsageLedger(time: ManualTime())
    for tool: Name in ["a", "a", "b"] {
      ledger.sent(key(tool), requests: .max, cost: MicroUSD(.max))
      ledger.record(key(tool), outcome: .hitMemory, saving: Saving(requests: .max, cost: MicroUSD(.max)))
    }
    let total = try #require(ledger.usage(of: ledger.currentMonth)?.total)
    #expect(total.requestsSent == .max)
    #expect(total.spent == MicroUSD(.max))
    #expect(total.allSaved == Saving(requests: .max, cost: MicroUSD(.max)))
    #expect(total.calls(.hitMemory) == 3)
  }

  @Test("names that Unicode calls equal stay apart")
  func names() throws {
    let ledger = UsageLedger(time: ManualTime())
    ledger.record(key("K"), outcome: .miss)
    ledger.record(key("\u{212A}"), outcome: .miss)
    #expect(ledger.usage(of: ledger.currentMonth)?.rows.count == 2)
  }

  // MARK: Bounds

  @Test("tools beyond the bound share a row of their tenant, and nothing is lost")
  func bounded() throws {
    let ledger = UsageLedger(time: ManualTime(), rowLimit: 10)
    for number in 0..<1000 { ledger.record(key(Name("tool-\(number)"), tenant: number % 2 == 0 ? "even" : "odd"), outcome: .miss) }
    ledger.record(key("tool-0", tenant: "even"), outcome: .miss)
    let usage = try #require(ledger.usage(of: ledger.currentMonth))
    #expect(usage.rows.count == 12)
    #expect(usage.total.allCalls == 1001)
    #expect(usage.rows[key("(other)", tenant: "even")]?.allCalls == 495)
    #expect(usage.rows[key("(other)", tenant: "odd")]?.allCalls == 495)
    #expect(usage.rows[key("tool-0", tenant: "even")]?.allCalls == 2)
  }

  @Test("tenants beyond the bound share one row for everything")
  func boundedTenants() throws {
    let ledger = UsageLedger(time: ManualTime(), rowLimit: 10)
    for number in 0..<1000 { ledger.record(key("tool", tenant: Name("tenant-\(number)")), outcome: .miss) }
    let usage = try #require(ledger.usage(of: ledger.currentMonth))
    #expect(usage.rows.count == 21)
    #expect(usage.total.allCalls == 1000)
    #expect(usage.rows[UsageKey(tenant: "(other)", upstream: "(other)", provider: "(other)", tool: "(other)")]?.allCalls == 980)
  }

  // MARK: Saving

  @Test("what was set aside, what was counted since and what is kept are one report")
  func saving() throws {
    let ledger = UsageLedger(time: ManualTime())
    ledger.record(key("a"), outcome: .miss)
    let first = try #require(ledger.beginSaving())
    ledger.record(key("a"), outcome: .miss)
    #expect(ledger.beginSaving() == nil)
    #expect(ledger.usage(of: ledger.currentMonth)?.total.allCalls == 2)
    ledger.endSaving(kept: first)
    #expect(ledger.usage(of: ledger.currentMonth)?.total.allCalls == 2)
    let second = try #require(ledger.beginSaving())
    #expect(second.months[ledger.currentMonth]?.total.allCalls == 1)
    ledger.endSaving(kept: nil)
    #expect(ledger.usage(of: ledger.currentMonth)?.total.allCalls == 2)
    ledger.record(key("b"), outcome: .miss)
    let third = try #require(ledger.beginSaving())
    #expect(third.months[ledger.currentMonth]?.total.allCalls == 2)
    var kept = first
    kept.add(third)
    ledger.endSaving(kept: kept)
    #expect(ledger.usage(of: ledger.currentMonth)?.total.allCalls == 3)
    #expect(ledger.beginSaving() == nil)
  }

  @Test("many threads count and one saves: every call is there once")
  func concurrent() async throws {
    let ledger = UsageLedger(time: SystemTime())
    let saved = await withTaskGroup(of: UsageBook.self) { group in
      for worker in 0..<8 {
        group.addTask {
          for number in 0..<5000 {
            ledger.record(key(Name("tool-\(number % 7)")), outcome: .hitMemory, saving: Saving(requests: 1, cost: MicroUSD(10_000)))
            ledger.sent(key(Name("tool-\(worker)")), requests: 1, cost: MicroUSD(10_000))
          }
          return UsageBook()
        }
      }
      group.addTask {
        var kept = UsageBook()
        for round in 0..<200 {
          guard let news = ledger.beginSaving() else { continue }
          if round % 3 == 0 {
            ledger.endSaving(kept: nil)
          } else {
            kept.add(news)
            ledger.endSaving(kept: kept)
          }
          await Task.yield()
        }
        return kept
      }
      return await group.reduce(into: UsageBook()) { $0.add($1) }
    }
    var all = saved
    if let rest = ledger.beginSaving() { all.add(rest) }
    let calls = all.months.values.reduce(Int64(0)) { $0 + $1.total.allCalls }
    #expect(calls == 40_000)
    #expect(all.months.values.reduce(Int64(0)) { $0 + $1.total.requestsSent } == 40_000)
    #expect(all.months.values.reduce(MicroUSD.zero) { $0 + $1.total.allSaved.cost } == MicroUSD(400_000_000))
    ledger.endSaving(kept: all)
    #expect(ledger.months.compactMap { ledger.usage(of: $0)?.total.allCalls }.reduce(0, +) == 40_000)
  }
}
