internal import WeirRedis

/// The one script about a provider's rate and budgets: a replica's reports, then its tokens from all windows or from none, then its claims on
/// budgets. Times are whole microseconds of Redis' clock, which is read once; a Lua number holds them exactly until 2255.
///
/// A window is what `GCRA` keeps: `tat`, the moment at which it is full again. The differences:
/// - Tokens are taken before they leave, `life` at most. They count as if they left as late as they may: `max(tat, now + life) + n × interval`.
///   So the bound holds for when requests leave, whatever way tokens take. Where the bucket lacks `life` worth of tokens, that costs nothing.
/// - A state that is new, was written by another run of Redis (restart, failover), or has not been touched for longer than replicas are silent,
///   does not know what was let go meanwhile. Replicas do: each brings what it saw last (`known`), and pays for what it may have used alone. Until
///   all have had the time to, nothing leaves (`quiet`); a state that nobody knows anything of begins full, as in memory.
/// - A replica that is silent may live without Redis on its share: that is paid for it, and its part of the burst kept free, for a minute. After
///   such a loss, so is that of all who are missing.
/// - What comes back of tokens that were not needed is limited by `low`: how little was missing in the bucket at any charge since they were taken,
///   by numbers of changes (`seq`); of many, the oldest are merged to the lower.
enum RateScript {
  static let script = RedisScript(source)

  /// The lines that read the clock and the run; tests put others in their place.
  static let clock = "local clock = redis.call('TIME')\nlocal run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''"

  static let source = [clock, state, windows, reports, tokens, budgets, reply].joined(separator: "\n")

  /// KEYS: the state. ARGV: as `RateCall.arguments`.
  private static let state = """
    local now = clock[1] * 1000000 + clock[2]
    local cursor = 0
    local function text() cursor = cursor + 1; return ARGV[cursor] end
    local function number() return tonumber(text()) end
    local me, size, share, lostFor, usedAlone = text(), number(), number(), number(), number()
    local isLeaving, isComplete = number() == 1, number() == 1
    local isReturning = lostFor > 0
    local SILENT, FORGOTTEN, GRACE = 5000000, 60000000, 15000000
    -- How far ahead tokens are promised, and their life: `Reservoir.longestWait` and `lifetime`.
    local PROMISED = 1250000
    -- In which every replica that lives has spoken: each does every two seconds.
    local QUIET = 2500000

    local s
    -- What is no text at this name is no state either.
    local packed = redis.pcall('GET', KEYS[1])
    if type(packed) == 'string' then
      local isWhole, value = pcall(cmsgpack.unpack, packed)
      if isWhole and type(value) == 'table' and value.v == 1 then s = value end
    end
    local isLost = not s or s.run ~= run or now - s.at > SILENT
    local isKnown, stood = s ~= nil, s and math.max(0, math.min(now - s.at, FORGOTTEN)) or 0
    if not s then s = { v = 1, seq = now, at = now, pace = 1000, rec = 0, streak = 0, windows = {}, seen = {}, budgets = {} } end
    if now < s.at then
      -- The clock was set back: no time has passed.
      local back = s.at - now
      for _, name in ipairs({ 'born', 'rec', 'slowed', 'throttled', 'pause', 'quiet', 'unpaid', 'trouble', 'troubled' }) do
        if s[name] then s[name] = s[name] - back end
      end
      for _, w in pairs(s.windows) do w.tat = w.tat - back; w.used = w.used - back end
      for _, seen in pairs(s.seen) do seen[1] = seen[1] - back; seen[2] = seen[2] - back end
      for _, b in pairs(s.budgets) do
        for _, c in pairs(b.c) do c[5] = c[5] - back end
      end
    end
    s.at = now
    if isLost then
      s.run = run; s.born = now; s.unpaid = now; s.seen = {}
      -- Beyond every number that was given out before: nothing of those changes comes back.
      s.seq = math.max(s.seq, now)
    end
    """

  private static let windows = """
    local function interval(w, n) return math.ceil(n * w.period * s.pace / (w.count * 1000)) end
    local function depth(w) return math.floor(w.burst * w.period * s.pace / (w.count * 1000)) end
    local function low(w, most)
      most = math.max(0, most)
      while #w.low > 0 and w.low[#w.low][2] >= most do table.remove(w.low) end
      w.low[#w.low + 1] = { s.seq, most }
      if #w.low > 16 then w.low[2][2] = w.low[1][2]; table.remove(w.low, 1) end
    end
    local function charge(n, start)
      s.seq = s.seq + 1
      for _, w in pairs(s.windows) do
        low(w, w.tat - start)
        w.tat = math.min(math.max(w.tat, start) + interval(w, n), now + 4e15)
      end
    end
    local function repace(pace, at)
      s.seq = s.seq + 1
      for _, w in pairs(s.windows) do
        low(w, w.tat - at)
        if w.tat > at then w.tat = at + math.ceil((w.tat - at) * pace / s.pace) end
        for _, entry in ipairs(w.low) do entry[2] = math.floor(entry[2] * pace / s.pace) end
      end
      s.pace = pace
    end
    local function hold(moment)
      s.seq = s.seq + 1
      for _, w in pairs(s.windows) do
        local earliest = moment + depth(w) - interval(w, 1)
        low(w, w.tat - earliest)
        w.tat = math.max(w.tat, earliest)
      end
    end
    -- What a replica that lives alone may have used in this time, for everybody who does; at most so much of it, where that is known: one moment's
    -- silence must not cost a part of a window that fills in an hour.
    local function pay(replicas, time, withBurst, most)
      s.seq = s.seq + 1
      for _, w in pairs(s.windows) do
        low(w, w.tat - now)
        local used = math.ceil(time * replicas * share / (1000 * size))
        if withBurst then used = used + interval(w, math.max(1, math.floor(w.burst / size))) end
        local tat = math.max(w.tat, now - time) + used
        if most then tat = math.min(tat, math.max(w.tat, now) + interval(w, most)) end
        w.tat = math.min(tat, now + 4e15)
      end
    end

    -- Before anything is said of now.
    if s.pause and s.pause <= now then s.pause = nil end
    while s.pace > 1000 and s.rec + 1000000 <= now do
      s.rec = s.rec + 1000000
      repace(math.max(1000, math.floor(s.pace * 95 / 100)), s.rec)
    end

    if isLost then
      -- As if time had stood still since the last word.
      for _, w in pairs(s.windows) do w.tat = math.max(w.tat, math.min(now + depth(w), w.tat + stood)) end
    end

    local mine, hasNews = {}, isReturning
    for _ = 1, number() do
      local count, period, burst, known = number(), number(), number(), number()
      local name = count .. '/' .. string.format('%.0f', period) .. '/' .. burst
      local w = s.windows[name]
      if not w then
        w = { count = count, period = period, burst = burst, low = {}, tat = 0 }
        s.windows[name] = w
        -- What was let go while nobody asked this state for it is not known.
        w.tat = isLost and now or now + depth(w)
      end
      if isLost or not s.seen[me] then w.tat = math.max(w.tat, now + known) end
      hasNews = hasNews or known > 0
      w.used = now
      mine[#mine + 1] = w
    end
    for name, w in pairs(s.windows) do
      -- Another configuration's: its replicas are charged for what these take as long as they are there.
      if now - w.used > FORGOTTEN then s.windows[name] = nil end
      if isLost then
        if isKnown or hasNews then w.tat = math.max(w.tat, now) + PROMISED end
        s.seq = s.seq + 1
        low(w, 0)
      end
    end
    if isLost then s.quiet = (hasNews or size > 1) and now + QUIET or nil end

    local own = s.seen[me]
    local used = isReturning and usedAlone or nil
    if own and (isReturning or now - own[1] > SILENT) then
      pay(1, now - own[2], true, used)
    elseif isReturning then
      pay(1, math.max(lostFor, now - s.unpaid), true, used)
    end
    if isReturning then
      -- Whoever has not been heard since then is perhaps still alone.
      s.trouble = math.max(s.trouble or 0, now - lostFor)
      s.troubled = now
    end
    local isTroubled = s.troubled and now - s.troubled < GRACE
    local hasTold = isComplete or (own and own[3]) or false
    if isLeaving then s.seen[me] = nil else s.seen[me] = { now, now, hasTold } end
    local present, silent, told = 0, 0, 0
    for _ in pairs(s.seen) do present = present + 1 end
    size = math.max(size, present)
    present = 0
    for id, seen in pairs(s.seen) do
      local quiet = now - seen[1]
      if quiet > FORGOTTEN then
        s.seen[id] = nil
      elseif quiet > SILENT or (isTroubled and seen[1] < s.trouble) then
        silent = silent + 1
        pay(1, now - seen[2], false)
        seen[2] = now
      else
        present = present + 1
        if seen[3] then told = told + 1 end
      end
    end
    -- Until everybody has said what it claimed, nobody may claim more.
    local isUntold = now - s.born < GRACE and told < size
    local isGrace = now - s.born < GRACE and present + silent < size
    if isGrace and not isLeaving then
      local missing = size - present - silent
      pay(missing, now - s.unpaid, false)
      silent = silent + missing
    end
    s.unpaid = now
    if s.quiet and now >= s.quiet + QUIET then s.quiet = nil end
    -- Whoever is missing has twice the time.
    local quiet = s.quiet and (present < size and s.quiet + QUIET or s.quiet) or now
    """

  private static let reports = """
    local age, retry, jitter, maximumPause, firstBackoff = number(), number(), number(), number(), number()
    if age >= 0 then
      local isNews = not s.throttled or now - age > s.throttled
      if isNews then
        s.streak = math.min(s.streak + 1, 30)
        s.throttled = now
        if not s.slowed or now - s.slowed >= 1000000 then
          s.slowed = now
          repace(math.min(64000, math.floor((s.pace * 10 + 6) / 7)), now)
          s.rec = math.max(s.rec, now)
        end
      end
      if isNews or retry >= 0 then
        local asked = retry >= 0 and retry or firstBackoff * 2 ^ (s.streak - 1)
        local pause = math.min(asked, maximumPause)
        local resumption = now + pause + math.ceil(pause * jitter / 10000)
        s.pause = math.max(s.pause or 0, resumption)
        s.rec = math.max(s.rec, s.pause)
        hold(s.pause)
      end
    end
    local successAge = number()
    if successAge >= 0 and s.throttled and now - successAge > s.throttled then s.streak = 0 end

    local owed = number()
    if owed > 0 then charge(owed, now) end
    for _ = 1, number() do
      local n, since = number(), number()
      for _, w in pairs(s.windows) do
        local back = interval(w, n)
        for _, entry in ipairs(w.low) do
          if entry[1] > since then back = math.min(back, entry[2]); break end
        end
        w.tat = w.tat - back
        for _, entry in ipairs(w.low) do entry[2] = math.max(0, entry[2] - back) end
      end
    end
    """

  private static let tokens = """
    local least, want, longest, life = number(), number(), number(), number()
    local function wait(n)
      local at = math.max(now, s.pause or now, quiet)
      for _, w in ipairs(mine) do
        local free = math.max(w.tat, now) + interval(w, n)
        local kept = interval(w, silent * math.floor(w.burst / size))
        at = math.max(at, free - math.max(depth(w) - kept, interval(w, n)))
      end
      return at - now
    end
    local granted, delay = 0, 0
    if least > 0 then
      delay = wait(least)
      if delay <= longest then
        granted = least
        if delay == 0 then
          local more = want
          for _, w in ipairs(mine) do
            more = math.min(more, math.floor((now + depth(w) - math.max(w.tat, now)) * w.count * 1000 / (w.period * s.pace)))
          end
          while more > least and wait(more) > 0 do more = more - 1 end
          granted = math.max(least, more)
        end
        charge(granted, now + delay + life)
      end
    end
    """

  private static let budgets = """
    local answers = {}
    local hasBudgets = false
    for _ = 1, number() do
      hasBudgets = true
      local name, period, from, to = text(), number(), number(), number()
      local limit = { number(), number() }
      local settled, used = { number(), number() }, { number(), number() }
      local needed, had, known = { number(), number() }, { number(), number() }, { number(), number() }
      local b = s.budgets[name]
      if now < from or now >= to or (b and b.period > period) then
        answers[#answers + 1] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
      else
        if not b or b.period < period then
          b = { period = period, c = {}, gone = { 0, 0 }, floor = { 0, 0 } }
          s.budgets[name] = b
        end
        local others, othersSettled, absent = { b.gone[1], b.gone[2] }, { b.gone[1], b.gone[2] }, { b.gone[1], b.gone[2] }
        for id, c in pairs(b.c) do
          if id ~= me then
            local isAbsent = not s.seen[id] or now - s.seen[id][1] > SILENT
            for i = 1, 2 do
              others[i] = others[i] + c[i + 2]
              if isAbsent then absent[i] = absent[i] + c[i + 2] end
              -- Who is silent will settle nothing any more, as far as anybody knows.
              othersSettled[i] = othersSettled[i] + (now - c[5] > FORGOTTEN and c[i + 2] or c[i])
            end
            if now - c[5] > 60 * FORGOTTEN then
              for i = 1, 2 do b.gone[i] = b.gone[i] + c[i + 2] end
              b.c[id] = nil
            end
          end
        end
        -- What replicas remember of those who died before a loss, and who will not say it themselves.
        for i = 1, 2 do
          if isUntold or isLost then b.floor[i] = math.max(b.floor[i], known[i]) end
          if not isUntold then
            local forgotten = math.max(0, b.floor[i] - absent[i])
            b.floor[i] = 0
            for _, sum in ipairs({ b.gone, others, othersSettled, absent }) do sum[i] = sum[i] + forgotten end
          end
        end
        local isShort = (b.short and now - b.short < SILENT and now >= b.short) or false
        local claim, spare, fits = {}, { 0, 0 }, true
        for i = 1, 2 do
          claim[i] = math.max(had[i], used[i])
          if limit[i] >= 0 and needed[i] > claim[i] and needed[i] > limit[i] - others[i] then fits = false end
        end
        if not fits then b.short = now; isShort = true end
        for i = 1, 2 do
          if limit[i] < 0 then
            claim[i] = math.max(claim[i], needed[i])
          elseif fits and not isUntold then
            local left = math.max(0, limit[i] - others[i])
            if not isShort and not isLeaving then spare[i] = math.max(0, math.floor((left - needed[i]) / (4 * size))) end
            claim[i] = math.max(claim[i], math.min(needed[i] + spare[i], left))
          end
        end
        b.c[me] = { settled[1], settled[2], claim[1], claim[2], now }
        answers[#answers + 1] = {
          1, claim[1], claim[2], spare[1], spare[2], othersSettled[1], othersSettled[2], others[1], others[2], absent[1], absent[2] }
      end
    end
    """

  private static let reply = """
    redis.call('SET', KEYS[1], cmsgpack.pack(s), 'PX', hasBudgets and 3456000000 or 86400000)
    local out = { now, granted, delay, s.seq, s.pace, s.pause and s.pause - now or 0, s.streak, isUntold and 1 or 0, #mine }
    for _, w in ipairs(mine) do out[#out + 1] = w.tat - now end
    for _, answer in ipairs(answers) do
      for _, value in ipairs(answer) do out[#out + 1] = value end
    end
    for i, value in ipairs(out) do out[i] = string.format('%.0f', value) end
    return out
    """
}
