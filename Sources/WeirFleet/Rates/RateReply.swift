internal import WeirCore
internal import WeirFlow
internal import WeirRedis

/// What `RateScript` answers; times in microseconds.
struct RateReply: Sendable {
  /// Redis' clock.
  let clock: Int64
  /// Tokens, usable from `delay` on for the `life` that was asked for.
  let granted: Int
  /// Where nothing was granted: when so many tokens could be had, if nobody else takes them.
  let delay: Int64
  let number: Int64
  /// In thousandths, as in `GCRA`.
  let pace: Int
  let pause: Int64
  let streak: Int
  /// Whether Redis waits for all that replicas have claimed.
  let wantsClaims: Bool
  /// How long until each window is full again, negative where it has been.
  let missing: [Int64]
  /// One for each claim, but where Redis' calendar shows another period.
  let budgets: [BudgetShare]

  private static let budgetFields = 11

  /// Nil where this is no answer to a call with such windows and claims.
  init?(_ reply: RedisReply, windows: Int, claims: [BudgetClaim]) {
    guard case .array(let parts) = reply else { return nil }
    let numbers = parts.compactMap { part -> Int64? in
      guard case .bulk(let bytes?) = part else { return nil }
      return Int64(String(decoding: bytes, as: UTF8.self))
    }
    guard numbers.count == parts.count, numbers.count == 9 + windows + claims.count * Self.budgetFields, numbers[8] == windows else { return nil }
    (clock, delay, number, pause) = (numbers[0], numbers[2], numbers[3], numbers[5])
    (granted, pace, streak) = (Int(numbers[1]), max(GCRA.fullPace, Int(numbers[4])), Int(numbers[6]))
    wantsClaims = numbers[7] == 1
    missing = Array(numbers[9..<9 + windows])
    budgets = claims.enumerated().compactMap { index, claim in
      let start = 9 + windows + index * Self.budgetFields
      return Self.share(numbers[start..<start + Self.budgetFields].map { Int($0) }, of: claim)
    }
  }

  private static func share(_ numbers: [Int], of claim: BudgetClaim) -> BudgetShare? {
    guard numbers[0] == 1 else { return nil }
    func amount(_ index: Int) -> BudgetAmount { BudgetAmount(requests: numbers[index], price: .init(Int64(numbers[index + 1]))) }
    return BudgetShare(
      index: claim.index, period: claim.period, allowance: amount(1), spare: amount(3), settledByOthers: amount(5), claimedByOthers: amount(7),
      claimedByAbsent: amount(9))
  }
}
