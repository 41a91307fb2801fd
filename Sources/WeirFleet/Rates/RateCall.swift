internal import WeirCore
internal import WeirFlow

/// One call of `RateScript`: what a replica reports of a provider, and what it wants.
struct RateCall: Sendable {
  struct Penalty: Sendable {
    let sentAt: Moment
    /// Until when the provider asked for silence; nil where it did not say.
    let until: Moment?
    let jitter: Double
  }

  struct Return: Sendable {
    let count: Int
    let since: Int64
  }

  var fleetSize = 1
  /// Thousandths of its part that a replica may use without Redis.
  var share = 0
  /// For how long this replica has lived without Redis; 0: it has not.
  var lostFor = Duration.zero
  /// Requests that left meanwhile.
  var usedAlone = 0
  var isLeaving = false
  /// Whether the claims on all budgets go along that this replica has used.
  var isComplete = false
  var penalty: Penalty?
  var succeeded: Moment?
  var owed = 0
  var returns: [Return] = []
  /// Tokens wanted: at least so many, or none; 0: none.
  var least = 0
  var want = 0
  var longestWait = Duration.zero
  var life = Duration.zero

  var hasReports: Bool { penalty != nil || succeeded != nil || owed > 0 || !returns.isEmpty }

  /// As the script reads them.
  func arguments(_ id: ReplicaID, _ settings: SharedRateSettings, view: RateView?, claims: [BudgetClaim], now: Moment) -> [[UInt8]] {
    var arguments = Arguments()
    arguments.add(id.bytes)
    arguments.add(fleetSize, share, Int(lostFor.microseconds), usedAlone, isLeaving ? 1 : 0, isComplete ? 1 : 0)
    arguments.add(settings.limits.count)
    for (index, limit) in settings.limits.enumerated() {
      arguments.add(limit.count, Int(limit.period.microseconds), limit.burst, view?.missing(index, now: now) ?? 0)
    }
    let age = penalty.map { max(0, Int((now - $0.sentAt).microseconds)) } ?? -1
    let retry = penalty?.until.map { max(0, Int(($0 - now).microseconds)) } ?? -1
    arguments.add(age, retry, Int((min(max(penalty?.jitter ?? 0, 0), 1) * 1000).rounded(.up)))
    arguments.add(Int(settings.maximumPause.microseconds), Int(settings.firstBackoff.microseconds))
    arguments.add(succeeded.map { max(0, Int((now - $0).microseconds)) } ?? -1, owed, returns.count)
    for back in returns { arguments.add(back.count, Int(back.since)) }
    arguments.add(least, want, Int(longestWait.microseconds), Int(life.microseconds), claims.count)
    for claim in claims { arguments.add(claim) }
    return arguments.list
  }

  private struct Arguments {
    var list: [[UInt8]] = []
    /// The largest number that Lua holds exactly.
    static let most: Int128 = 9_007_199_254_740_992

    mutating func add(_ bytes: [UInt8]) { list.append(bytes) }
    mutating func add(_ numbers: Int...) {
      for number in numbers { list.append(Array(String(number).utf8)) }
    }
    mutating func add(_ amount: BudgetAmount) { add(Int(min(amount.requests, Self.most)), Int(min(amount.money, Self.most))) }

    mutating func add(_ claim: BudgetClaim) {
      let owner = if case .tenant(let name) = claim.owner { "tenant:\(name.string)" } else { "provider" }
      add(Array("\(claim.limit.period.rawValue):\(owner)".utf8))
      add(claim.period, Int(claim.starts.milliseconds) * 1000, Int(claim.ends.milliseconds) * 1000)
      add(claim.limit.requests.map { Int(min(Int128($0), Self.most)) } ?? -1, claim.limit.money.map { Int(min(Int128($0.amount), Self.most)) } ?? -1)
      for amount in [claim.settled, claim.used, claim.needed, claim.allowance, claim.claimedByAbsent] { add(amount) }
    }
  }
}

extension Duration {
  /// Whole microseconds, rounded up.
  var microseconds: Int64 {
    let (quotient, remainder) = saturatedNanoseconds.quotientAndRemainder(dividingBy: 1000)
    return remainder > 0 ? quotient + 1 : quotient
  }
}
