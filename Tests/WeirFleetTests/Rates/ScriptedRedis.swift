import WeirCore
import WeirFlow
import WeirRedis

@testable import WeirFleet

/// `RateScript` in a real Redis, with a clock and a run of Redis that tests turn as they like.
struct ScriptedRedis {
  let client: RedisClient
  /// In microseconds.
  var now: Int64 = 1_795_392_000_000_000
  var run = 1

  static let key = Array("state".utf8)
  static let script = RedisScript(
    RateScript.source.replacing(
      RateScript.clock,
      with: "local clock = { tonumber(redis.call('GET', 'seconds')), tonumber(redis.call('GET', 'micros')) }\nlocal run = redis.call('GET', 'run')"))

  func call(
    _ call: RateCall, _ id: ReplicaID, _ settings: SharedRateSettings, view: RateView? = nil, claims: [BudgetClaim] = [], at moment: Moment = .zero
  ) async throws -> RateReply? {
    let arguments = call.arguments(id, settings, view: view, claims: claims, now: moment)
    let replies = try await client.pipeline([
      RedisCommand(words: ["MSET", "seconds", "\(now / 1_000_000)", "micros", "\(now % 1_000_000)", "run", "\(run)"].map { Array($0.utf8) }),
      RedisCommand(Self.script, keys: [Self.key], arguments: arguments),
    ])
    if case .error(let text) = replies[1] { throw ScriptFailure(text: text) }
    return RateReply(replies[1], windows: settings.limits.count, claims: claims)
  }

  /// Redis forgets everything; its clock and run go on.
  func forget() async throws { _ = try await client.send(RedisCommand("FLUSHALL")) }

  func snapshot() async throws -> [UInt8]? {
    guard case .bulk(let bytes) = try await client.send(RedisCommand("GET", Self.key)) else { return nil }
    return bytes
  }

  func restore(_ snapshot: [UInt8]) async throws { _ = try await client.send(RedisCommand("SET", Self.key, snapshot)) }

  struct ScriptFailure: Error {
    let text: String
  }
}
