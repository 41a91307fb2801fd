internal import WeirCache
internal import WeirCore
internal import WeirRedis

/// What is told to Redis of purges, and what it tells: one sorted set of scopes by the time of their purge, and two members that are none:
/// `clock`, the latest time that a replica was told, and `epoch`, which is another once marks may have been lost. Neither looks like a scope.
/// Another set has of each replica the last clock that it was told, and the one up to which it said that it knows all marks.
enum PurgeScript {
  /// A replica that was not heard of for longer is forgotten: should it come back, marks count as lost, and all are told again.
  static let memory = Duration.seconds(3600)

  static func keys(_ keys: FleetKeys) -> [[UInt8]] { [keys.part("purges"), keys.part("listeners")] }

  static let clock = Array("clock".utf8)
  static let epoch = Array("epoch".utf8)

  /// - Parameters:
  ///   - replica: who asks.
  ///   - channel: where others are told to look.
  static func arguments(_ question: PurgeQuestion, of replica: ReplicaID, channel: [UInt8], most: Int) -> [[UInt8]] {
    func digits(_ number: Int64) -> [UInt8] { Array(String(number).utf8) }
    func microseconds(_ duration: Duration) -> [UInt8] { digits(duration.saturatedNanoseconds / 1000) }
    return [digits(question.clock), digits(question.since), digits(question.epoch), replica.bytes]
      + [microseconds(PurgeMarks.horizon), microseconds(memory), digits(Int64(most)), channel, digits(Int64(question.pending.count))]
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

  /// KEYS the set, the listeners. ARGV the clock that the replica knows, the time up to which it knows all marks, its epoch, its id, microseconds
  /// for which a mark is kept, those for which a replica is, how many marks are, the channel, the number of new scopes, those, and pairs of time
  /// and scope to restore.
  ///
  /// Whoever was told a mark was told a clock no earlier than that. So where Redis comes back older (another server took over before it had heard
  /// of the mark, or an old file was read), what is written of this replica is earlier than what it was told, whoever spoke before it. The epoch
  /// is another then, once for all replicas: each that knows the old one tells what Redis has lost. The clock alone would not do: the first
  /// to speak moves it past what the others know.
  ///
  /// A time is never given twice to a mark, and never earlier than a replica was told: not when the clock is set back, nor when another server
  /// takes over whose clock is behind. Scores are whole numbers below 2^53.
  static let script = RedisScript(
    """
    local set, listeners, id = KEYS[1], KEYS[2], ARGV[4]
    local function text(n) return string.format('%.0f', n) end
    local function number(digits) return tonumber(digits or '0') end
    local function score(member) return number(redis.call('ZSCORE', set, member)) end
    local known, clock = tonumber(ARGV[1]), score('clock')
    local told = number(redis.call('ZSCORE', listeners, id))
    local latest = number(redis.call('ZRANGE', listeners, -1, -1, 'WITHSCORES')[2])
    local t = redis.call('TIME')
    local last = math.max(clock, known, latest)
    local now = math.max(t[1] * 1000000 + t[2], last)
    local count = tonumber(ARGV[9])
    if count > 0 then now = math.max(now, last + 1) end
    local oldest = now - tonumber(ARGV[5])
    local epoch = score('epoch')
    -- The marks alone are older, or all is. Who knows another epoch tells again without that.
    local isOlder = clock < latest or (told < known and epoch == tonumber(ARGV[3]))
    if epoch == 0 or isOlder then epoch = math.max(now, epoch + 1) end
    for i = 10 + count, #ARGV, 2 do
      local time = tonumber(ARGV[i])
      if time > oldest and time > score(ARGV[i + 1]) then
        redis.call('ZADD', set, ARGV[i], ARGV[i + 1])
        epoch = math.max(now, epoch + 1)
      end
    end
    local heard = redis.call('ZRANGEBYSCORE', set, '(' .. ARGV[2], '+inf', 'WITHSCORES')
    for i = 10, 9 + count do redis.call('ZADD', set, text(now), ARGV[i]) end
    redis.call('ZREMRANGEBYSCORE', set, '-inf', text(oldest))
    local over = redis.call('ZCARD', set) - tonumber(ARGV[7])
    if over > 0 then
      -- The oldest half becomes one mark of everything, as old as the youngest of them.
      local given = redis.call('ZRANGE', set, 0, over + math.floor(tonumber(ARGV[7]) / 2), 'WITHSCORES')
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
    local aware = math.max(number(redis.call('ZSCORE', listeners, id .. ':knows')), tonumber(ARGV[2]))
    redis.call('ZADD', listeners, text(now), id, text(aware), id .. ':knows')
    redis.call('ZREMRANGEBYSCORE', listeners, '-inf', text(now - tonumber(ARGV[6])))
    if count > 0 then redis.call('PUBLISH', ARGV[8], '') end
    return {text(now), text(epoch), heard}
    """)

  /// KEYS the addresses of the roster, the listeners. ARGV who asks, and up to when all marks have to be known. The others of the roster that have
  /// not said that they do, ids and addresses by turns.
  static let unaware = RedisScript(
    """
    local members = redis.call('HGETALL', KEYS[1])
    local unaware = {}
    for i = 1, #members, 2 do
      local known = tonumber(redis.call('ZSCORE', KEYS[2], members[i] .. ':knows') or '0')
      if members[i] ~= ARGV[1] and known < tonumber(ARGV[2]) then
        table.insert(unaware, members[i])
        table.insert(unaware, members[i + 1])
      end
    end
    return unaware
    """)
}
