internal import NIOConcurrencyHelpers
package import WeirCore
package import WeirRedis

/// Who is in the fleet: every replica says every two seconds that it is there, and learns who else is. Who has said nothing for ten seconds of
/// Redis' clock is gone. Without Redis it stays at what was known last.
package final class Roster: Sendable {
  package static let interval = Duration.seconds(2)
  static let absence = Duration.seconds(10)
  /// How long a new list may not be complete: everybody has said by then that it is there.
  static let youth = Duration.seconds(5)
  private static let shortInterval = Duration.milliseconds(100)
  /// How long `run` tries to join before it counts as settled without.
  static let patience = Duration.seconds(1)

  package let id: ReplicaID
  private let address: String
  private let client: RedisClient
  private let names: [[UInt8]]
  private let time: any TimeSource
  private let state: NIOLockedValueBox<State>

  private struct State: Sendable {
    var members = FleetMembers()
    var heardAt: Moment?
    var isSettled = false
  }

  /// - Parameter address: `host:port` at which other replicas reach this one; nil where they do not.
  package init(id: ReplicaID, address: String?, client: RedisClient, keys: FleetKeys, time: any TimeSource) {
    self.id = id
    self.address = address ?? ""
    self.client = client
    self.time = time
    names = [keys.part("roster"), keys.part("addresses"), keys.part("roster-began")]
    state = NIOLockedValueBox(State())
  }

  /// What was known last.
  package var members: FleetMembers { state.withLockedValue { $0.members } }

  /// Whether others can find this replica, or Redis has not let it join within a second of the start.
  package var isSettled: Bool { state.withLockedValue { $0.isSettled } }

  /// Whether Redis has been heard of lately, so that `members` can be relied upon.
  package var isCurrent: Bool {
    let now = time.now()
    return state.withLockedValue { $0.heardAt.map { now - $0 < Self.absence } ?? false }
  }

  /// The least that Redis' clock can show at `moment`, in microseconds since 1970, by the last beat; nil before the first.
  package func redisClock(at moment: Moment) -> Int64? {
    state.withLockedValue { state in
      guard let clock = state.members.clock, let heardAt = state.heardAt else { return nil }
      return clock + (moment - heardAt).saturatedNanoseconds / 1000
    }
  }

  /// Where a replica is.
  package enum Location: Sendable, Equatable {
    /// `host:port`.
    case at(String)
    /// It is not in the fleet, or has no address.
    case gone
    /// It is not known, and Redis does not answer, or has a list that has only begun.
    case unknown
  }

  /// Where a replica is. One that is not known is asked for, however lately others were: it may be newer than that.
  package func locate(_ replica: ReplicaID) async -> Location {
    if let address = members.addresses[replica] { return address.isEmpty ? .gone : .at(address) }
    guard await beat(isLeaving: false) else { return .unknown }
    let members = members
    guard let address = members.addresses[replica] else { return members.isYoung ? .unknown : .gone }
    return address.isEmpty ? .gone : .at(address)
  }

  /// Says that this replica is there, until cancelled.
  package func run() async {
    let started = time.now()
    // Others may look for this replica at once.
    _ = await client.waitUntilReady(timeout: Self.patience)
    while !Task.isCancelled {
      let hasJoined = await beat(isLeaving: false)
      if hasJoined || time.now() - started >= Self.patience { state.withLockedValue { $0.isSettled = true } }
      do { try await time.sleep(until: time.now() + (hasJoined ? Self.interval : Self.shortInterval)) } catch { return }
    }
  }

  /// Says that this replica is gone, so that nobody counts on it any more. To be called when `run` has returned.
  package func leave() async { await beat(isLeaving: true) }

  /// False where Redis did not answer.
  @discardableResult
  private func beat(isLeaving: Bool) async -> Bool {
    let arguments = [
      id.bytes, Array(address.utf8), Array(String(Self.absence.saturatedMilliseconds).utf8), isLeaving ? [0x31] : [0x30],
      Array(String(Self.youth.saturatedMilliseconds).utf8),
    ]
    guard let reply = try? await client.evaluate(Self.script, keys: names, arguments: arguments), let members = FleetMembers(reply) else {
      return false
    }
    let now = time.now()
    state.withLockedValue { state in
      state.members = members.following(state.members)
      state.heardAt = now
    }
    return true
  }

  /// KEYS roster, addresses, when the list began. ARGV id, address, milliseconds after which a silent one is gone, 1 to leave, milliseconds for which
  /// a list is young. Gives the clock in microseconds, the addresses, whether the list is young.
  private static let script = RedisScript(
    """
    local t = redis.call('TIME')
    local now = t[1] * 1000 + math.floor(t[2] / 1000)
    local absence, youth = tonumber(ARGV[3]), tonumber(ARGV[5])
    -- Where Redis has forgotten, or nobody has been heard of for longer than between two beats, the list begins anew; not where all have left.
    local newest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
    local silence = newest and now - tonumber(newest) or 0
    if silence > youth or silence < -absence or redis.call('EXISTS', KEYS[3]) == 0 then
      redis.call('SET', KEYS[3], string.format('%.0f', now))
    end
    if ARGV[4] == '1' then
      redis.call('ZREM', KEYS[1], ARGV[1])
      redis.call('HDEL', KEYS[2], ARGV[1])
    else
      redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
      redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
    end
    -- Whoever is in the future spoke before the clock was set back.
    for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.0f', now - absence))) do
      redis.call('ZREM', KEYS[1], gone)
      redis.call('HDEL', KEYS[2], gone)
    end
    for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now + absence), '+inf')) do
      redis.call('ZREM', KEYS[1], gone)
      redis.call('HDEL', KEYS[2], gone)
    end
    redis.call('PEXPIRE', KEYS[1], 6 * absence)
    redis.call('PEXPIRE', KEYS[2], 6 * absence)
    redis.call('PEXPIRE', KEYS[3], 6 * absence)
    local age = now - tonumber(redis.call('GET', KEYS[3]) or '0')
    return {string.format('%.0f', t[1] * 1000000 + t[2]), redis.call('HGETALL', KEYS[2]), age >= 0 and age < youth and 1 or 0}
    """)
}
