internal import WeirCore

/// What a budget knows of the others of its fleet, in the period that runs.
struct BudgetInFleet: Sendable {
  var contact = FleetContact.heard
  private(set) var share: BudgetShare?
  /// What this replica may have used in all.
  private(set) var allowance = BudgetAmount.zero
  /// The most that a request asked for and did not get, with all that was used.
  private var wanted = BudgetAmount.zero
  /// What may be used in a period in which the fleet has never been heard.
  private let unheard: BudgetAmount
  private let limit: BudgetLimit

  init(_ limit: BudgetLimit) {
    self.limit = limit
    let tenth = (limit.money?.amount ?? 0) / 10
    unheard = BudgetAmount(requests: max(1, (limit.requests ?? 0) / 10), price: MicroUSD(tenth))
  }

  var isWaiting: Bool { wanted != .zero && contact == .heard }

  /// Whether this replica may have used `total`; where not, it is wanted.
  mutating func allows(_ total: BudgetAmount, isPaid: Bool) -> Bool {
    if contact == .ignored { return true }
    let most = share == nil && contact == .lost ? BudgetAmount.larger(unheard, allowance) : allowance
    let fits = (limit.requests == nil || total.requests <= most.requests) && (limit.money == nil || !isPaid || total.money <= most.money)
    if !fits { wanted = .larger(wanted, total) }
    return fits
  }

  /// - Returns: what is needed: `used`, or what was wanted since the last time.
  mutating func lower(used: BudgetAmount) -> BudgetAmount {
    let needed = BudgetAmount.larger(used, wanted)
    wanted = .zero
    allowance = .smaller(allowance, needed + (share?.spare ?? .zero))
    return needed
  }

  mutating func learn(_ share: BudgetShare) {
    self.share = share
    allowance = share.allowance
  }

  mutating func turn() {
    share = nil
    allowance = .zero
    wanted = .zero
  }
}
