internal import WeirRedis

/// What is done about one cache key, each in one step. KEYS are the value, the lease, the waiters and the marker, of one hash tag.
enum LeaseScripts {
  /// ARGV 1 token, 2 replica, 3 lease in milliseconds, 4 freshness in milliseconds that must remain, or nothing where a stale value will do,
  /// 5 the last bytes of what is not to be believed. Gives 1 with value and remaining milliseconds, 2 with the marker and its, 3 for the lease,
  /// 4 with those of another's lease.
  static let look = RedisScript(
    """
    local function believed(key)
      return ARGV[5] == '' or redis.call('GETRANGE', key, -#ARGV[5], -1) ~= ARGV[5]
    end
    -- The stale window, in milliseconds, stands in the envelope of the value.
    local window = redis.call('GETRANGE', KEYS[1], 56, 63)
    if #window == 8 then
      local left = redis.call('PTTL', KEYS[1])
      local fresh = left
      if ARGV[4] ~= '' then
        local stale = 0
        for index = 1, 8 do stale = stale * 256 + string.byte(window, index) end
        fresh = left - stale - tonumber(ARGV[4])
      end
      if fresh > 0 and believed(KEYS[1]) then return {1, redis.call('GET', KEYS[1]), left} end
    end
    local marker = redis.call('GET', KEYS[4])
    if marker and believed(KEYS[4]) then return {2, marker, redis.call('PTTL', KEYS[4])} end
    local holder = redis.call('GET', KEYS[2])
    if not holder then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3]) end
    if not holder or holder == ARGV[1] then return {3} end
    redis.call('SADD', KEYS[3], ARGV[2])
    redis.call('PEXPIRE', KEYS[3], 60000)
    return {4, redis.call('PTTL', KEYS[2])}
    """)

  /// ARGV 1 token, 2 `value`, `marker` or nothing, 3 bytes, 4 their lifetime in milliseconds, 5 message, 6 prefix of the replicas' channels,
  /// 7 when the lifetime began, or nothing.
  /// Gives 1; 0 where the lease is not the token's; 2 where the lease has ended and Redis, being full, did not take what came with it. A value that
  /// is there already was written by the same, whose reply was lost.
  static let end = RedisScript(
    lateness + """
      if redis.call('GET', KEYS[2]) ~= ARGV[1] then
        if ARGV[2] == 'value' and redis.call('GETRANGE', KEYS[1], -16, -1) == string.sub(ARGV[3], -16) then return 1 end
        return 0
      end
      local left, result = remaining(ARGV[4], ARGV[7]), 1
      local function keep(key)
        if redis.pcall('SET', key, ARGV[3], 'PX', string.format('%.0f', left)).err then result = 2 end
      end
      if ARGV[2] == 'value' and left >= 1 then
        keep(KEYS[1])
        redis.call('DEL', KEYS[4])
      elseif ARGV[2] == 'marker' and left >= 1 then
        keep(KEYS[4])
      end
      redis.call('DEL', KEYS[2])
      for _, replica in ipairs(redis.call('SMEMBERS', KEYS[3])) do redis.call('PUBLISH', ARGV[6] .. replica, ARGV[5]) end
      redis.call('DEL', KEYS[3])
      return result
      """)

  /// KEYS the value. ARGV 1 bytes, 2 their lifetime in milliseconds, 3 when that began, or nothing. Gives whether something of it was left.
  static let write = RedisScript(
    lateness + """
      local left = remaining(ARGV[2], ARGV[3])
      if left < 1 then return 0 end
      redis.call('SET', KEYS[1], ARGV[1], 'PX', string.format('%.0f', left))
      return 1
      """)

  /// What is left of a lifetime in milliseconds that began at a time of Redis' clock, in milliseconds since 1970: a command may have waited long,
  /// in a socket or for a server that stood still.
  private static let lateness = """
    local function remaining(lifetime, began)
      if began == '' then return tonumber(lifetime) end
      local t = redis.call('TIME')
      return tonumber(lifetime) - math.max(0, t[1] * 1000 + math.floor(t[2] / 1000) - tonumber(began))
    end

    """

  /// The argument that says when a lifetime begins.
  /// - Parameter clock: of Redis, in microseconds since 1970.
  static func beginning(_ clock: Int64?) -> [UInt8] { clock.map { Array(String($0 / 1000).utf8) } ?? [] }

  /// ARGV 1 token, 2 lease in milliseconds. Gives 1; 0 where the lease is not the token's.
  static let renew = RedisScript(
    """
    if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
    return redis.call('PEXPIRE', KEYS[2], ARGV[2])
    """)

  /// Forgets the key and takes the lease from who holds it, so that what was asked for before is not stored after. ARGV 1 message, 2 prefix of the
  /// replicas' channels. Gives whether there was something.
  static let remove = RedisScript(
    """
    local removed = redis.call('DEL', KEYS[1], KEYS[2], KEYS[4])
    for _, replica in ipairs(redis.call('SMEMBERS', KEYS[3])) do redis.call('PUBLISH', ARGV[2] .. replica, ARGV[1]) end
    redis.call('DEL', KEYS[3])
    return removed
    """)

  /// KEYS the value. Gives it and its remaining milliseconds, or nothing.
  static let read = RedisScript(
    """
    local value = redis.call('GET', KEYS[1])
    if not value then return {} end
    return {value, redis.call('PTTL', KEYS[1])}
    """)
}
