package import WeirCore

/// One window of a token bucket, by the generic cell rate algorithm (ITU-T I.371): the whole state is the theoretical arrival time, the
/// moment at which the bucket is full again.
///
/// Exact: time is counted in nanoseconds divided by `1000 × count`, so that a token's interval, `period × pace / count`, is an integer: nothing
/// is ever rounded. 128 bits hold every moment times every count. `pace` slows the refill down, in thousandths: 2000 is half the rate.
package struct GCRA: Sendable, Equatable {
  package static let fullPace = 1000
  package static let slowestPace = 64_000

  package let limit: RateLimit
  /// More tokens than this count as this many; it keeps every product within 128 bits.
  private static let mostTokens = 1_000_000_000_000
  /// The longest debt, in tokens. A larger number of requests can only be an error of whoever reported it.
  private static let mostDebt = 1_000_000_000

  /// In nanoseconds × `unit`.
  private var arrival: Int128
  private let unit: Int128
  private let period: Int128
  /// How far ahead of the clock the arrival time may be before the clock is believed to have jumped back.
  private let clockSlack: Int128
  /// How far ahead of the clock the last charge has put the arrival time: with debts, any distance.
  private var reach: Int128 = 0
  /// For each charge that is not settled: the least that was missing in the bucket at any moment since. No more than that can come back:
  /// the rest would have run over, had it not been taken.
  private var returnable: [WaiterID: Int128] = [:]

  /// - Parameter maximumPause: the longest time that `hold` is asked for.
  package init(_ limit: RateLimit, maximumPause: Duration = .seconds(300)) {
    self.limit = limit
    self.unit = Int128(limit.count) * Int128(Self.fullPace)
    self.period = Int128(limit.period.saturatedNanoseconds)
    self.clockSlack = 2 * Int128(maximumPause.saturatedNanoseconds) * unit
    self.arrival = Int128(Int64.min) * unit
  }

  /// Takes `tokens`, or leaves everything as it is: a denied call never moves the arrival time.
  package mutating func take(_ tokens: Int, now: Moment, pace: Int = fullPace) -> Bool {
    guard tokens <= limit.burst, earliest(tokens, now: now, pace: pace) <= now else { return false }
    charge(tokens, now: now, pace: pace)
    return true
  }

  /// When `tokens` can leave at the earliest, if nothing else does. More than the burst: when the last of them can, one after the other.
  package func earliest(_ tokens: Int, now: Moment, pace: Int = fullPace) -> Moment {
    let due = settled(now, pace) + Int128(min(tokens, Self.mostTokens)) * interval(pace) - tolerance(pace)
    return max(now, Moment(nanoseconds: Int64(clamping: due.dividedRoundingUp(by: unit))))
  }

  /// Takes `tokens` without asking. Whoever does so has asked before, or owes them.
  /// - Parameter id: where `settle` will follow.
  package mutating func charge(_ tokens: Int, for id: WaiterID? = nil, now: Moment, pace: Int = fullPace) {
    let start = advance(to: now, pace)
    // The bound on what is owed in all keeps every product within 128 bits.
    let most = max(arrival, start + 2 * Int128(Self.mostDebt) * interval(pace))
    arrival = min(arrival + Int128(min(max(0, tokens), Self.mostTokens)) * interval(pace), most)
    reach = arrival - start
    if let id { returnable[id] = reach }
  }

  /// The request that was charged `taken` tokens took `spent`: charges the difference, or gives it back.
  ///
  /// What is given back is exactly what the bucket would hold more, had the request been charged `spent` when it left, or less where
  /// several such requests overlap. So all that really left keeps to `burst + count × t / period`, but for debts.
  package mutating func settle(_ id: WaiterID, taken: Int, spent: Int, now: Moment, pace: Int = fullPace) {
    let start = advance(to: now, pace)
    let most = returnable.removeValue(forKey: id) ?? 0
    if spent > taken { return charge(min(spent - max(0, taken), Self.mostDebt), now: now, pace: pace) }
    let back = min(most, Int128(min(taken - max(0, spent), Self.mostTokens)) * interval(pace))
    guard back > 0 else { return }
    arrival -= back
    reach = max(0, arrival - start)
    for index in returnable.values.indices { returnable.values[index] = max(0, returnable.values[index] - back) }
  }

  /// Makes sure that nothing leaves before `until`, and that then one token is there, not a burst.
  package mutating func hold(until: Moment, pace: Int = fullPace) {
    let earliest = Int128(until.nanoseconds) * unit + tolerance(pace) - interval(pace)
    limitReturns(to: arrival - earliest)
    arrival = max(arrival, earliest)
  }

  /// The pace changes at `now`: what is missing in the bucket stays the same number of tokens.
  package mutating func changePace(from old: Int, to new: Int, now: Moment) {
    let start = Int128(now.nanoseconds) * unit
    limitReturns(to: arrival - start)
    guard arrival > start else { return }
    arrival = start + ((arrival - start) * Int128(new)).dividedRoundingUp(by: Int128(old))
    reach = max(reach, arrival - start)
    for index in returnable.values.indices { returnable.values[index] = returnable.values[index] * Int128(new) / Int128(old) }
  }

  /// Tokens that could leave at once.
  package func available(now: Moment, pace: Int = fullPace) -> Int {
    let start = Int128(now.nanoseconds) * unit
    let room = start + tolerance(pace) - settled(now, pace)
    return room <= 0 ? 0 : Int(clamping: room / interval(pace))
  }

  /// The time from one token to the next.
  private func interval(_ pace: Int) -> Int128 { period * Int128(pace) }

  private func tolerance(_ pace: Int) -> Int128 { interval(pace) * Int128(limit.burst) }

  /// Brings the arrival time up to `now`. - Returns: `now` in its unit.
  private mutating func advance(to now: Moment, _ pace: Int) -> Int128 {
    let start = Int128(now.nanoseconds) * unit
    let level = settled(now, pace)
    limitReturns(to: level < arrival ? 0 : arrival - start)
    arrival = level
    return start
  }

  private mutating func limitReturns(to most: Int128) {
    let most = max(0, most)
    for index in returnable.values.indices { returnable.values[index] = min(returnable.values[index], most) }
  }

  /// The arrival time as it counts at `now`: never in the past, and an empty bucket where the clock has jumped back far.
  private func settled(_ now: Moment, _ pace: Int) -> Int128 {
    let start = Int128(now.nanoseconds) * unit
    if arrival <= start { return start }
    let tolerance = tolerance(pace)
    return arrival > start + max(2 * tolerance, reach) + clockSlack ? start + tolerance : arrival
  }
}
