import Testing
import WeirCore
import WeirFlow

@Suite("TokenBucket")
struct TokenBucketTests {
  private let now = Moment.seconds(1000)
  private let ids = WaiterIDs()

  private func granted(_ bucket: inout TokenBucket, at moment: Moment, upTo count: Int = 10_000) -> Int {
    for taken in 0..<count {
      guard bucket.reserve(1, now: moment) == .granted else { return taken }
      let id = ids.next()
      bucket.commit(1, for: id, now: moment)
      bucket.settle(id, taken: 1, spent: 1, now: moment)
    }
    return count
  }

  private func reserveOne(_ bucket: inout TokenBucket, at moment: Moment) -> Bool { bucket.reserve(1, now: moment) == .granted }

  @Test("several windows give together or not at all: 12 per 10 s, 60 per minute, 600 per hour")
  func windows() throws {
    var bucket = TokenBucket([try limit(12, per: .seconds(10)), try limit(60, per: .seconds(60)), try limit(600, per: .seconds(3600))])
    #expect(bucket.capacity == 12)
    #expect(granted(&bucket, at: now) == 12)
    #expect(bucket.windows(now: now).map(\.available) == [0, 48, 588])
    var total = 12
    for second in 1...3600 { total += granted(&bucket, at: now + .seconds(second)) }
    #expect(total <= 1200)
    #expect(total >= 1190)
  }

  @Test("what is set aside and given back costs nothing, and what is set aside counts at once")
  func giveBack() throws {
    var bucket = TokenBucket([try limit(1, per: .seconds(1), burst: 3)])
    for _ in 0..<3 { #expect(reserveOne(&bucket, at: now)) }
    #expect(!reserveOne(&bucket, at: now))
    bucket.cancel(1)
    #expect(reserveOne(&bucket, at: now))
    bucket.cancel(3)
    #expect(granted(&bucket, at: now) == 3)
  }

  @Test("setting aside, sending late and giving back at random never lets more leave than burst plus rate times time")
  func reservations() throws {
    let limit = try limit(10, per: .seconds(1), burst: 4)
    var numbers = SeededNumbers(seed: 3)
    var bucket = TokenBucket([limit])
    var moment = now
    var held = 0
    var leaving: [Moment] = []
    for _ in 0..<6000 {
      moment = moment + .nanoseconds(Int64.random(in: 0...60_000_000, using: &numbers))
      switch Int.random(in: 0..<4, using: &numbers) {
      case 0, 1:
        if reserveOne(&bucket, at: moment) { held += 1 }
      case 2 where held > 0:
        bucket.commit(1, for: ids.next(), now: moment)
        leaving.append(moment)
        held -= 1
      case 3 where held > 0 && Bool.random(using: &numbers):
        bucket.cancel(1)
        held -= 1
      default: break
      }
      #expect(bucket.outstanding == held)
    }
    #expect(leaving.count > 1000)
    for first in leaving.indices {
      for last in first..<min(first + 100, leaving.count) {
        let span = Int128(leaving[last].nanoseconds - leaving[first].nanoseconds)
        if Int128(last - first + 1) * 1_000_000_000 > 4 * 1_000_000_000 + span * 10 { Issue.record("\(last - first + 1) left within \(span) ns") }
      }
    }
  }

  @Test("what a request took more than its tokens is owed to every window, and what it took less comes back to every window")
  func settlement() throws {
    var bucket = TokenBucket([try limit(2, per: .seconds(1), burst: 4), try limit(60, per: .seconds(60), burst: 60)])
    let (more, less) = (ids.next(), ids.next())
    #expect(bucket.reserve(2, now: now) == .granted)
    bucket.commit(2, for: more, now: now)
    bucket.settle(more, taken: 2, spent: 6, now: now)
    #expect(bucket.windows(now: now).map(\.available) == [0, 54])
    #expect(bucket.earliest(1, ahead: 0, now: now) == now + .milliseconds(1500))
    #expect(bucket.reserve(4, now: now + .seconds(3)) == .granted)
    bucket.commit(4, for: less, now: now + .seconds(3))
    bucket.settle(less, taken: 4, spent: 1, now: now + .seconds(3))
    #expect(bucket.windows(now: now + .seconds(3)).map(\.available) == [3, 56])
  }

  @Test("what comes back after a refusal does not shorten its pause")
  func returnsInAPause() throws {
    var bucket = TokenBucket([try limit(10, per: .seconds(1), burst: 10)])
    let id = ids.next()
    #expect(bucket.reserve(10, now: now) == .granted)
    bucket.commit(10, for: id, now: now)
    bucket.penalise(retryAfter: .seconds(5), sentAt: now, jitter: 0, now: now)
    bucket.settle(id, taken: 10, spent: 1, now: now + .milliseconds(10))
    #expect(bucket.earliest(1, ahead: 0, now: now + .milliseconds(10)) == now + .seconds(5))
    #expect(granted(&bucket, at: now + .seconds(5)) == 1)
  }

  @Test(
    "a pause is kept to the end, at most a tenth longer, and cut to the longest that is allowed",
    arguments: [(1.0, 0.0, 1.0), (1.0, 0.999, 1.0999), (86_400, 0, 300), (86_400, 1, 330), (0, 0, 0), (-5, 0, 0)])
  func pause(asked: Double, jitter: Double, expected: Double) throws {
    var bucket = TokenBucket([try limit(100, per: .seconds(1))], maximumPause: .seconds(300))
    bucket.penalise(retryAfter: .nanoseconds(Int64(asked * 1e9)), sentAt: now, jitter: jitter, now: now)
    let first = bucket.earliest(1, ahead: 0, now: now)
    #expect(abs((first - now).inSeconds - expected) < 0.001)
    #expect(first - now >= min(.seconds(300), .nanoseconds(Int64(max(0, asked) * 1e9))))
    if expected > 0 { #expect(!reserveOne(&bucket, at: now + .nanoseconds(Int64(expected * 1e9) - 2_000_000))) }
  }

  @Test("after a pause requests leave one interval apart, not in a burst")
  func pacedResumption() throws {
    var bucket = TokenBucket([try limit(10, per: .seconds(1), burst: 10)])
    bucket.penalise(retryAfter: .seconds(60), sentAt: now, jitter: 0, now: now)
    var moment = now
    var leaving: [Moment] = []
    for _ in 0..<10 {
      moment = bucket.earliest(1, ahead: 0, now: moment)
      #expect(granted(&bucket, at: moment) == 1)
      leaving.append(moment)
    }
    #expect(leaving.first == now + .seconds(60))
    for (earlier, later) in zip(leaving, leaving.dropFirst()) { #expect(later - earlier >= .milliseconds(100)) }
  }

  @Test("without Retry-After the pause doubles with each refusal in a row, and an answer ends the row")
  func backoff() {
    var bucket = TokenBucket([], maximumPause: .seconds(10))
    var moment = now
    for expected in [1, 2, 4, 8, 10, 10] {
      bucket.penalise(retryAfter: nil, sentAt: moment, jitter: 0, now: moment + .milliseconds(10))
      #expect(bucket.pausedUntil == moment + .milliseconds(10) + .seconds(expected))
      moment = moment + .seconds(20)
    }
    bucket.succeeded(sentAt: moment)
    bucket.penalise(retryAfter: nil, sentAt: moment + .seconds(1), jitter: 0, now: moment + .seconds(1))
    #expect(bucket.pausedUntil == moment + .seconds(2))
  }

  @Test("refusals and answers of requests that left before the pause began change nothing more")
  func sameBurst() {
    var bucket = TokenBucket([])
    for _ in 0..<10 { bucket.penalise(retryAfter: nil, sentAt: now, jitter: 0, now: now + .seconds(1)) }
    #expect(bucket.pausedUntil == now + .seconds(2))
    #expect(bucket.slowdown < 1.5)
    bucket.succeeded(sentAt: now)
    bucket.penalise(retryAfter: nil, sentAt: now + .seconds(3), jitter: 0, now: now + .seconds(3))
    #expect(bucket.pausedUntil == now + .seconds(5))
  }

  @Test("the pace falls to 0.7 with each throttle, down to a 64th, and recovers by 5 % a second")
  func slowdown() throws {
    var bucket = TokenBucket([try limit(10, per: .seconds(1), burst: 1)])
    var moment = now
    bucket.penalise(retryAfter: .zero, sentAt: moment, jitter: 0, now: moment)
    #expect(abs(bucket.slowdown - 1 / 0.7) < 0.01)
    for _ in 0..<30 {
      moment = moment + .seconds(1)
      bucket.penalise(retryAfter: .zero, sentAt: moment, jitter: 0, now: moment)
    }
    #expect(bucket.slowdown == 64)
    _ = bucket.earliest(1, ahead: 0, now: moment + .seconds(10))
    #expect(abs(bucket.slowdown - 38.3) < 0.2)
    _ = bucket.earliest(1, ahead: 0, now: moment + .seconds(90))
    #expect(bucket.slowdown == 1)
  }

  @Test("no change of pace makes tokens")
  func paceMakesNoTokens() throws {
    var bucket = TokenBucket([try limit(10, per: .seconds(1), burst: 10)])
    #expect(granted(&bucket, at: now) == 10)
    bucket.penalise(retryAfter: .zero, sentAt: now, jitter: 0, now: now)
    #expect(granted(&bucket, at: now) <= 1)
    var total = 0
    for step in 1...1000 { total += granted(&bucket, at: now + .milliseconds(step * 100)) }
    #expect(total <= 1001)
    #expect(total > 900)
  }
}
