import Testing
import WeirCore
import WeirTestSupport

@Suite("Time")
struct TimeTests {
  @Test("adding saturates instead of trapping")
  func saturation() {
    #expect(Moment(nanoseconds: .max) + .seconds(1) == Moment(nanoseconds: .max))
    #expect(Moment(nanoseconds: .min) + .seconds(-1) == Moment(nanoseconds: .min))
    #expect(Moment.zero + .seconds(Int64.max) == Moment(nanoseconds: .max))
    #expect(WallTime(milliseconds: .max) + .seconds(1) == WallTime(milliseconds: .max))
    #expect(Moment(nanoseconds: .max) - Moment(nanoseconds: .min) == .nanoseconds(Int64.max))
  }

  @Test("whole nanoseconds and milliseconds are what a division of attoseconds gives, clamped")
  func units() {
    let edges: [Int128] = [0, 1, 511, 512, 999_999_999, 1_000_000_000, 1 << 63, (1 << 72) - 1, 1 << 72, (1 << 78) - 1, 1 << 78, 1 << 100, .max]
    var random = SystemRandomNumberGenerator()
    let some = (0..<10_000).map { _ in Int128(bitPattern: UInt128.random(in: 0...UInt128.max, using: &random)) >> Int.random(in: 0..<127) }
    for attoseconds in edges + edges.map({ -$0 }) + some {
      let duration = Duration(attoseconds: attoseconds)
      #expect(duration.saturatedNanoseconds == Int64(clamping: attoseconds / 1_000_000_000), "\(attoseconds)")
      #expect(duration.saturatedMilliseconds == Int64(clamping: attoseconds / 1_000_000_000_000_000), "\(attoseconds)")
    }
  }

  @Test(
    "days are counted and written as the calendar has them",
    arguments: [
      ("1970-01-01", 0), ("1969-12-31", -1), ("2000-02-29", 11_016), ("2026-11-23", 20_780), ("2100-03-01", 47_541), ("0001-01-01", -719_162),
    ])
  func days(_ text: String, _ days: Int) throws {
    let date = try #require(CivilDate(Array(text.utf8)))
    #expect(date.days == days)
    #expect(CivilDate(days: days).text == text)
  }

  @Test("every day of 400 years comes back from its text")
  func roundTrip() {
    for days in 0..<146_097 {
      let date = CivilDate(days: days)
      #expect(CivilDate(Array(date.text.utf8)) == date)
    }
  }

  @Test(
    "what is no day is refused",
    arguments: [
      "", "2026-1-01", "2026-13-01", "2026-02-29", "2100-02-29", "2026-00-10", "2026-01-00", "2026-01-32", "2026-01-01 ", "٢٠٢٦-01-01", "2026/01/01",
    ])
  func noDays(_ text: String) {
    #expect(CivilDate(Array(text.utf8)) == nil)
  }

  @Test("months follow each other over the end of the year")
  func months() {
    #expect(CivilDate(year: 2026, month: 12, day: 31).firstOfNextMonth == CivilDate(year: 2027, month: 1, day: 1))
    #expect(CivilDate(year: 2027, month: 1, day: 15).firstOfPreviousMonth == CivilDate(year: 2026, month: 12, day: 1))
  }

  @Test("the manual clock wakes who is due, and only them")
  func manual() async throws {
    let time = ManualTime()
    let start = time.now()
    try await withThrowingTaskGroup(of: Int.self) { group in
      group.addTask {
        try await time.sleep(until: start + .seconds(1))
        return 1
      }
      group.addTask {
        try await time.sleep(until: start + .seconds(5))
        return 5
      }
      await time.sleepers(atLeast: 2)
      time.advance(by: .seconds(2))
      let first = try await group.next()
      #expect(first == 1)
      time.advance(by: .seconds(3))
      let second = try await group.next()
      #expect(second == 5)
    }
    #expect(time.now() - start == .seconds(5))
    #expect(start - time.now() == .seconds(-5))
  }

  @Test("a cancelled sleeper wakes with an error")
  func cancelled() async {
    let time = ManualTime()
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        do {
          try await time.sleep(until: .distantFuture)
          return false
        } catch { return true }
      }
      await time.sleepers(atLeast: 1)
      group.cancelAll()
      #expect(await group.next() == true)
    }
  }
}
