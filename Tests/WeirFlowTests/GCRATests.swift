import Testing
import WeirCore
import WeirFlow

/// The same bucket in exact rational numbers: its level is a fraction with the denominator `period` in nanoseconds.
private struct RationalBucket {
  let limit: RateLimit
  private var level: Int128
  private var last: Int64

  init(_ limit: RateLimit, now: Moment) {
    self.limit = limit
    self.last = now.nanoseconds
    self.level = 0
    level = full
  }

  private var period: Int128 { Int128(limit.period.saturatedNanoseconds) }
  private var full: Int128 { Int128(limit.burst) * period }

  mutating func take(_ tokens: Int, now: Moment) -> Bool {
    level = min(full, level + Int128(now.nanoseconds - last) * Int128(limit.count))
    last = now.nanoseconds
    guard level >= Int128(tokens) * period else { return false }
    level -= Int128(tokens) * period
    return true
  }
}

@Suite("GCRA")
struct GCRATests {
  static let shapes: [(count: Int, milliseconds: Int, burst: Int)] = [
    (12, 10_000, 12), (60, 60_000, 10), (600, 3_600_000, 600), (1, 1000, 1), (3, 1000, 1), (7, 333, 5), (1_000_000, 1000, 100), (2, 1000, 10),
  ]

  @Test("decides exactly as the bucket in rational numbers does, over random requests at random moments", arguments: shapes)
  func model(shape: (count: Int, milliseconds: Int, burst: Int)) throws {
    let limit = try limit(shape.count, per: .milliseconds(shape.milliseconds), burst: shape.burst)
    var numbers = SeededNumbers(seed: 34)
    for _ in 0..<20 {
      var now = Moment(nanoseconds: Int64.random(in: 1...1_000_000_000_000, using: &numbers))
      var cell = GCRA(limit)
      var model = RationalBucket(limit, now: now)
      let interval = Int64(shape.milliseconds) * 1_000_000 / Int64(shape.count)
      for _ in 0..<2000 {
        now = now + .nanoseconds(Int64.random(in: 0...(2 * interval), using: &numbers))
        let tokens = Int.random(in: 1...min(3, shape.burst), using: &numbers)
        let announced = cell.earliest(tokens, now: now)
        let granted = cell.take(tokens, now: now)
        let expected = model.take(tokens, now: now)
        if granted != expected || granted != (announced <= now) { Issue.record("\(tokens) at \(now): \(granted), the model says \(expected)") }
      }
    }
  }

  @Test("in no stretch of time do more leave than burst plus rate times its length", arguments: shapes)
  func bound(shape: (count: Int, milliseconds: Int, burst: Int)) throws {
    let limit = try limit(shape.count, per: .milliseconds(shape.milliseconds), burst: shape.burst)
    var numbers = SeededNumbers(seed: 35)
    var cell = GCRA(limit)
    var now = Moment.seconds(5)
    var leaving: [Moment] = []
    let interval = Int64(shape.milliseconds) * 1_000_000 / Int64(shape.count)
    while leaving.count < 600 {
      now = now + .nanoseconds(Int64.random(in: 0...interval, using: &numbers))
      if Int.random(in: 0..<50, using: &numbers) == 0 { now = now + .nanoseconds(interval * Int64(shape.burst)) }
      if cell.take(1, now: now) { leaving.append(now) }
    }
    let period = Int128(limit.period.saturatedNanoseconds)
    for first in leaving.indices {
      for last in first..<leaving.count {
        let span = Int128(leaving[last].nanoseconds - leaving[first].nanoseconds)
        let most = Int128(limit.burst) * period + span * Int128(limit.count)
        if Int128(last - first + 1) * period > most { Issue.record("\(last - first + 1) left within \(span) ns") }
      }
    }
  }

  @Test(
    "when requests turn out smaller, what really left keeps to the bound, and one at a time gets back all that an exact count would have",
    arguments: shapes, [false, true])
  func settlement(shape: (count: Int, milliseconds: Int, burst: Int), isOneAtATime: Bool) throws {
    let limit = try limit(shape.count, per: .milliseconds(shape.milliseconds), burst: shape.burst)
    var numbers = SeededNumbers(seed: 36)
    let ids = WaiterIDs()
    let interval = Int64(shape.milliseconds) * 1_000_000 / Int64(shape.count)
    for _ in 0..<10 {
      var now = Moment(nanoseconds: Int64.random(in: 1...1_000_000_000_000, using: &numbers))
      var cell = GCRA(limit)
      var history: [(id: WaiterID, moment: Moment, taken: Int, spent: Int)] = []
      var open: [Int] = []
      var returned = 0
      for _ in 0..<400 {
        now = now + .nanoseconds(Int64.random(in: 0...(2 * interval), using: &numbers))
        if let index = open.randomElement(using: &numbers), isOneAtATime || Bool.random(using: &numbers) {
          let before = cell.available(now: now)
          cell.settle(history[index].id, taken: history[index].taken, spent: history[index].spent, now: now)
          returned += cell.available(now: now) - before
          open.removeAll { $0 == index }
        } else {
          let taken = Int.random(in: 1...shape.burst, using: &numbers)
          guard cell.earliest(taken, now: now) <= now else { continue }
          let id = ids.next()
          cell.charge(taken, for: id, now: now)
          open.append(history.count)
          history.append((id, now, taken, Int.random(in: 0...taken, using: &numbers)))
        }
        guard history.count <= 60 else { continue }
        // The same history, as if every settled request had been charged at once what it really was.
        var exact = GCRA(limit)
        for (index, request) in history.enumerated() {
          exact.charge(open.contains(index) ? request.taken : request.spent, now: request.moment)
        }
        let (given, due) = (cell.earliest(1, now: now), exact.earliest(1, now: now))
        if given < due { Issue.record("\(due - given) too early") }
        if isOneAtATime, given != due { Issue.record("\(given - due) too late") }
      }
      if shape.burst > 1 { #expect(returned > 0) }
      let period = Int128(limit.period.saturatedNanoseconds)
      for first in history.indices {
        var left: Int128 = 0
        for last in first..<history.count {
          left += Int128(open.contains(last) ? history[last].taken : history[last].spent)
          let span = Int128(history[last].moment.nanoseconds - history[first].moment.nanoseconds)
          if left * period > Int128(limit.burst) * period + span * Int128(limit.count) { Issue.record("\(left) left within \(span) ns") }
        }
      }
    }
  }

  @Test("what would have run over does not come back")
  func runOver() throws {
    var cell = GCRA(try limit(1, per: .seconds(1), burst: 5))
    let (first, second) = (WaiterID(number: 1), WaiterID(number: 2))
    cell.charge(5, for: first, now: Moment.seconds(100))
    // Full again: five more may leave, whatever the first one was.
    cell.charge(5, for: second, now: Moment.seconds(200))
    cell.settle(first, taken: 5, spent: 1, now: Moment.seconds(200))
    #expect(cell.available(now: Moment.seconds(200)) == 0)
    cell.settle(second, taken: 5, spent: 1, now: Moment.seconds(200))
    #expect(cell.available(now: Moment.seconds(200)) == 4)
  }

  @Test("a debt far beyond the burst is paid in full, is no jump of the clock, and has an end")
  func debt() throws {
    var cell = GCRA(try limit(1, per: .seconds(3600), burst: 1), maximumPause: .seconds(300))
    let start = Moment.seconds(100)
    cell.charge(1, for: WaiterID(number: 1), now: start)
    cell.settle(WaiterID(number: 1), taken: 1, spent: 10, now: start)
    #expect(cell.earliest(1, now: start + .seconds(1)) == start + .seconds(36_000))
    cell.charge(1, for: WaiterID(number: 2), now: start)
    for number in 3..<1000 {
      cell.settle(WaiterID(number: UInt64(number)), taken: .min, spent: .max, now: start)
      cell.settle(WaiterID(number: UInt64(number)), taken: .max, spent: .min, now: start)
    }
    #expect(cell.earliest(1, now: start) > start + .seconds(36_000))
  }

  @Test("a window limit lets no more than its count leave in any window of its length", arguments: [(12, 10), (60, 60), (600, 3600), (1, 1), (5, 7)])
  func window(count: Int, seconds: Int) throws {
    let limit = try #require(RateLimit.window(count, per: .seconds(seconds)))
    var cell = GCRA(limit)
    var now = Moment.seconds(1)
    var leaving: [Moment] = []
    for _ in 0..<(4 * count) {
      now = cell.earliest(1, now: now)
      let granted = cell.take(1, now: now)
      #expect(granted)
      leaving.append(now)
    }
    for index in leaving.indices where index >= count {
      #expect(leaving[index] - leaving[index - count] >= .seconds(seconds))
    }
  }

  @Test("denied calls never move the arrival time")
  func denied() throws {
    var cell = GCRA(try limit(1, per: .seconds(1), burst: 2))
    let now = Moment.seconds(100)
    let first = cell.take(2, now: now)
    #expect(first)
    let before = cell
    for _ in 0..<1000 {
      let again = cell.take(1, now: now)
      #expect(!again)
    }
    #expect(cell == before)
    #expect(cell.earliest(1, now: now) == now + .seconds(1))
  }

  @Test("a bucket that rests until it is full, and no sooner, has its whole burst again")
  func refill() throws {
    var cell = GCRA(try limit(10, per: .seconds(1), burst: 10))
    let start = Moment.seconds(50)
    _ = cell.take(10, now: start)
    #expect(cell.available(now: start) == 0)
    #expect(cell.available(now: start + .nanoseconds(999_999_999)) == 9)
    #expect(cell.available(now: start + .seconds(1)) == 10)
    #expect(cell.available(now: start + .seconds(1_000_000)) == 10)
  }

  @Test("a clock that goes back gives nothing twice, and one that jumped far ahead does not block for longer than the bucket takes to fill")
  func clockJumps() throws {
    var cell = GCRA(try limit(1, per: .seconds(1), burst: 5), maximumPause: .seconds(300))
    let now = Moment.seconds(10_000)
    for _ in 0..<5 { _ = cell.take(1, now: now) }
    let early = cell.take(1, now: Moment.seconds(9_999))
    #expect(!early)
    _ = cell.take(1, now: Moment.seconds(13_600))
    #expect(cell.earliest(1, now: now) <= now + .seconds(1))
  }

  @Test("numbers at the edges overflow nowhere")
  func edges() throws {
    let widest = try #require(RateLimit(count: RateLimit.maximumCount, period: RateLimit.maximumPeriod, burst: RateLimit.maximumCount))
    let slowest = try #require(RateLimit(count: 1, period: RateLimit.maximumPeriod, burst: RateLimit.maximumCount))
    for limit in [widest, slowest] {
      for now in [Moment(nanoseconds: .min), .zero, Moment(nanoseconds: .max)] {
        var cell = GCRA(limit)
        let granted = cell.take(limit.burst, now: now, pace: GCRA.slowestPace)
        #expect(granted)
        cell.hold(until: .distantFuture, pace: GCRA.slowestPace)
        cell.changePace(from: GCRA.slowestPace, to: GCRA.fullPace, now: now)
        #expect(cell.earliest(.max, now: now, pace: GCRA.slowestPace) >= now)
        #expect(cell.available(now: now) >= 0)
      }
    }
  }

  @Test("limits that make no sense are none")
  func nonsense() {
    #expect(RateLimit(count: 0, period: .seconds(1), burst: 1) == nil)
    #expect(RateLimit(count: 1, period: .zero, burst: 1) == nil)
    #expect(RateLimit(count: 1, period: .seconds(-1), burst: 1) == nil)
    #expect(RateLimit(count: 1, period: .seconds(1), burst: 0) == nil)
    #expect(RateLimit(count: .max, period: .seconds(1), burst: 1) == nil)
    #expect(RateLimit.window(0, per: .seconds(1)) == nil)
    #expect(RateLimit.window(3, per: .seconds(1), burst: 4) == nil)
  }
}
