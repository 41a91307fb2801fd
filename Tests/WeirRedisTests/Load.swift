import WeirRedis

/// Callers that write and read their own keys, and check that what they read is what they wrote.
struct Load: Sendable {
  let client: RedisClient
  var timeout: Duration?

  func key(_ caller: Int, _ key: Int) -> [UInt8] { bytes("load:{\(caller).\(key)}") }

  func run(_ caller: Int, keys: Int, until isDone: @Sendable () -> Bool) async -> LoadTally {
    var tally = LoadTally()
    var turn = 0
    while !isDone() {
      let key = key(caller, turn % keys)
      let value = bytes("\(caller).\(turn)")
      let started = ContinuousClock.now
      do throws(RedisError) {
        let commands = [RedisCommand("SET", key, value), RedisCommand("GET", key)]
        let replies = try await client.pipeline(commands, key: key, timeout: timeout)
        if replies == [.simple("OK"), .bulk(value)] { tally.right += 1 } else { tally.wrong += 1 }
      } catch {
        tally.failed += 1
        if error.code == .unavailable { tally.refusals.append(ContinuousClock.now - started) }
        // What is refused at once would be asked again at once, by the thousand.
        try? await Task.sleep(for: .milliseconds(1))
      }
      tally.slowest = max(tally.slowest, ContinuousClock.now - started)
      turn += 1
    }
    return tally
  }
}

struct LoadTally: Sendable, CustomStringConvertible {
  var right = 0
  var wrong = 0
  var failed = 0
  var slowest = Duration.zero
  /// How long those took that were refused without being sent.
  var refusals: [Duration] = []

  mutating func add(_ other: LoadTally) {
    right += other.right
    wrong += other.wrong
    failed += other.failed
    slowest = max(slowest, other.slowest)
    refusals += other.refusals
  }

  var medianRefusal: Duration { refusals.isEmpty ? .zero : refusals.sorted()[refusals.count / 2] }

  var description: String {
    "right \(right), wrong \(wrong), failed \(failed), slowest \(slowest), refused \(refusals.count) in \(medianRefusal) each"
  }
}
