internal import WeirCore

/// What a budget knows of the others of its fleet, in the period that runs.
struct BudgetInFleet: Sendable {
  struct Report: Equatable {
    let settled: BudgetAmount
    let used: BudgetAmount
  }

  var contact = FleetContact.heard
  private(set) var share: BudgetShare?
  /// What this replica may have used in all.
  private(set) var allowance = BudgetAmount.zero
  private(set) var claimedByAbsent = BudgetAmount.zero
  /// What was told last, and what the fleet has answered to.
  private var telling: Report?
  private var told: Report?
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

  /// Whether there is something to tell: to a fleet that knows of the rest, or all that counts.
  func isNews(_ report: Report, all: Bool) -> Bool {
    wanted != .zero || (all ? share != nil || report.used != .zero : report != told && report.used != .zero)
  }

  /// Lowers the allowance to what is needed and the spare part.
  /// - Returns: what is needed: what is used, or what was wanted since the last time.
  mutating func tell(_ report: Report) -> BudgetAmount {
    telling = report
    let used = report.used
    let needed = BudgetAmount.larger(used, wanted)
    wanted = .zero
    allowance = .smaller(allowance, needed + (share?.spare ?? .zero))
    return needed
  }

  mutating func learn(_ share: BudgetShare) {
    self.share = share
    allowance = share.allowance
    claimedByAbsent = .larger(claimedByAbsent, share.claimedByAbsent)
    told = telling
  }

  mutating func turn() {
    share = nil
    allowance = .zero
    wanted = .zero
    claimedByAbsent = .zero
    (telling, told) = (nil, nil)
  }
}
