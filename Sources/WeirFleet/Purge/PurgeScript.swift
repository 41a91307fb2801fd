internal import WeirCache
internal import WeirCore
internal import WeirRedis

/// What is told to Redis of purges, and what it tells: one sorted set of scopes by the time of their purge, and two members that are none:
/// `clock`, the latest time that a replica was told, and `epoch`, which is another once marks may have been lost. Neither looks like a scope.
enum PurgeScript {
  static let clock = Array("clock".utf8)
  static let epoch = Array("epoch".utf8)

  /// - Parameter channel: where others are told to look.
  static func arguments(_ question: PurgeQuestion, channel: [UInt8], most: Int) -> [[UInt8]] {
    func digits(_ number: Int64) -> [UInt8] { Array(String(number).utf8) }
    let horizon = PurgeMarks.horizon.saturatedNanoseconds / 1000
    return [digits(question.clock), digits(question.since), digits(horizon), digits(Int64(most)), channel, digits(Int64(question.pending.count))]
      + question.pending.map(\.scope.bytes) + question.restored.flatMap { [digits($0.time), $0.scope.bytes] }
  }

  /// Nil where that is no answer.
  static func answer(_ reply: RedisReply) -> PurgeAnswer? {
    guard case .array(let parts) = reply, parts.count == 3, let clock = number(parts[0]), let epoch = number(parts[1]),
      case .array(let list) = parts[2], list.count.isMultiple(of: 2)
    else { return nil }
    var marks: [(scope: PurgeScope, time: Int64)] = []
    for index in stride(from: 0, to: list.count, by: 2) {
      guard case .bulk(let name?) = list[index], let time = number(list[index + 1]) else { return nil }
      if name == Self.clock || name == Self.epoch { continue }
      // Whatever a newer version purges by, nothing older than that is kept.
      marks.append((PurgeScope(bytes: name) ?? .all, time))
    }
    return PurgeAnswer(clock: clock, epoch: epoch, marks: marks)
  }

  private static func number(_ reply: RedisReply) -> Int64? {
    guard case .bulk(let digits?) = reply, let number = Double(String(decoding: digits, as: UTF8.self)) else { return nil }
    return Int64(exactly: number)
  }

  /// KEYS the set. ARGV the clock that the replica knows, the time up to which it knows all marks, microseconds for which a mark is kept, how
  /// many are, the channel, the number of new scopes, those, and pairs of time and scope to restore.
  ///
  /// A time is never given twice to a mark, and never earlier than a replica was told: not when the clock is set back, nor when another server
  /// takes over whose clock is behind. Scores are whole numbers below 2^53.
  static let script = RedisScript(
    """
    local set = KEYS[1]
    local function text(n) return string.format('%.0f', n) end
    local function score(member) return tonumber(redis.call('ZSCORE', set, member) or '0') end
    local t = redis.call('TIME')
    local last = math.max(score('clock'), tonumber(ARGV[1]))
    local now = math.max(t[1] * 1000000 + t[2], last)
    local count = tonumber(ARGV[6])
    if count > 0 then now = math.max(now, last + 1) end
    local oldest = now - tonumber(ARGV[3])
    local epoch = score('epoch')
    if epoch == 0 then epoch = now end
    for i = 7 + count, #ARGV, 2 do
      local time = tonumber(ARGV[i])
      if time > oldest and time > score(ARGV[i + 1]) then
        redis.call('ZADD', set, ARGV[i], ARGV[i + 1])
        epoch = math.max(now, epoch + 1)
      end
    end
    local heard = redis.call('ZRANGEBYSCORE', set, '(' .. ARGV[2], '+inf', 'WITHSCORES')
    for i = 7, 6 + count do redis.call('ZADD', set, text(now), ARGV[i]) end
    redis.call('ZREMRANGEBYSCORE', set, '-inf', text(oldest))
    local over = redis.call('ZCARD', set) - tonumber(ARGV[4])
    if over > 0 then
      -- The oldest half becomes one mark of everything, as old as the youngest of them.
      local given = redis.call('ZRANGE', set, 0, over + math.floor(tonumber(ARGV[4]) / 2), 'WITHSCORES')
      local all = 0
      for i = 1, #given, 2 do
        if given[i] ~= 'clock' and given[i] ~= 'epoch' then
          redis.call('ZREM', set, given[i])
          all = math.max(all, tonumber(given[i + 1]))
        end
      end
      if all > score('all') then redis.call('ZADD', set, text(all), 'all') end
    end
    redis.call('ZADD', set, text(now), 'clock', text(epoch), 'epoch')
    if count > 0 then redis.call('PUBLISH', ARGV[5], '') end
    return {text(now), text(epoch), heard}
    """)
}
